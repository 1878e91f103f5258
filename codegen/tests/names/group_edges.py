# Derivatives where functions have a kink, a pole, a tie or an infinity. The book tables these; see its page on transformations.
group("edges")


def at(value):
    return dict(x=np.float32(value))


def many(*values):
    return dict(x=arr("f32", *values))


c("grad(abs)(x)", **at(0.0))
c("grad(relu)(x)", **at(0.0))
c("grad(nn::relu6)(x)", **at(6.0))
c("grad(nn::leaky_relu)(x)", **at(0.0))
c("grad(nn::elu)(x)", **at(0.0))
c("grad(sqrt)(x)", **at(0.0))
c("grad(sign)(x)", **at(0.0))
c("grad(floor)(x)", **at(1.0))
c("grad(|x| maximum(x, 1.0))(x)", **at(1.0))
c("grad(|x| minimum(x, 1.0))(x)", **at(1.0))
c("grad(|x| clip(x, 0.0, 1.0))(x)", **at(0.0))
c("grad(|x| clip(x, 0.0, 1.0))(x)", **at(1.0))
c("grad(|x| max(x))(x)", "jax.grad(lambda x: jnp.max(x))(x)", **many(1.0, 1.0, 0.0))
c("grad(|x| min(x))(x)", "jax.grad(lambda x: jnp.min(x))(x)", **many(2.0, 1.0, 1.0))
c("grad(|x| prod(x))(x)", **many(0.0, 2.0, 3.0))
c("grad(|x| prod(x))(x)", **many(0.0, 0.0, 3.0))
c("grad(|x| sort(x)[0])(x)", **many(1.0, 1.0))
c("grad(|x| where_(x > 0.0, log(x), 0.0))(x)", **at(0.0))
c("grad(|x| where_(x > 0.0, sqrt(x), 0.0))(x)", **at(-1.0))
c("grad(|x| where_(x > 0.0, sqrt(where_(x > 0.0, x, 1.0)), 0.0))(x)", **at(-1.0))
c("grad(|x| power(x, 2.0))(x)", **at(0.0))
# JAX multiplies 0 by an infinite slope here and yields NaN; Kiln knows that x^0 is constant.
c("grad(|x| power(x, 0.0))(x)", "np.float32(0.0)", **at(0.0))
c("grad(|y| power(0.0, y))(x)", "jax.grad(lambda y: jnp.power(0.0, y))(x)", **at(2.0))
c("grad(logsumexp)(x)", **many(-np.inf, -np.inf))
c("grad(logsumexp)(x)", **many(-np.inf, 0.0))
c("grad(logsumexp)(x)", **many(np.inf, 0.0))
c("grad(|x| linalg::norm(x))(x)", "jax.grad(lambda x: jnp.linalg.norm(x))(x)", **many(0.0, 0.0))
c("grad(|x| arctan2(x, 0.0))(x)", **at(0.0))
c("grad(|x| x / x)(x)", **at(0.0))
