group("fft")
SPACE["fft"] = jnp.fft
def real(*shape, t=np.float32, salt=0):
    return f(*shape, salt=salt).astype(t)
def cplx(*shape, t=np.complex64, salt=0):
    return z(*shape, salt=salt).astype(t)
def both(text, x, tol=2e-6):
    """Complex results by their parts, and the gradient of something real."""
    c(f"fft::{text}", py=f"fft.{text}", x=x, tol=tol)
    wide = x.dtype.itemsize in (8, 16) and x.dtype != np.complex64
    w = "f64" if wide else "f32"
    loss = "{ let y = fft::%s; let w = arange(y.size()).reshape(y.shape()) as %s + 1.0; sum(real(y) * w) - sum(imag(y) * w * w * 0.1) }" % (text, w)
    pyloss = "(lambda y: (lambda w: jnp.sum(jnp.real(y) * w) - jnp.sum(jnp.imag(y) * w * w * 0.1))(jnp.arange(y.size).reshape(y.shape).astype(%s) + 1))(fft.%s)" % (w, text)
    if not np.iscomplexobj(x):
        c(f"grad(|x| {loss})(x)", py=f"jax.grad(lambda x: {pyloss})(x)", x=x, tol=10 * tol)
    else:
        # The gradient in the real and imaginary parts.
        c("{ let g = vjp(|a, b| { let x = lax::complex(a, b); %s }, (real(x), imag(x))).1(1.0); (g.0, g.1) }" % loss,
          py=f"jax.vjp(lambda a, b: (lambda x: {pyloss})(lax.complex(a, b)), jnp.real(x), jnp.imag(x))[1]({w}(1.0))", x=x, tol=10 * tol)
for n in (1, 2, 3, 4, 5, 6, 8, 12, 15, 16, 37):
    both("fft(x)", cplx(n))
    both("ifft(x)", cplx(n))
    both("rfft(x)", real(n))
    both("irfft(x, n = %d)" % n, cplx(n // 2 + 1))
for n in (7, 8, 36):
    both("fft(x)", cplx(2, n, t=np.complex128), tol=1e-14)
    both("rfft(x)", real(2, n, t=np.float64), tol=1e-14)
    both("irfft(x, n = %d)" % n, cplx(n // 2 + 1, t=np.complex128), tol=1e-14)
for n in (64, 100, 127, 256):
    c("fft::fft(x)", x=cplx(n), tol=3e-6)
    c("fft::rfft(x)", x=real(n), tol=3e-6)
    c("fft::irfft(x)", x=cplx(n // 2 + 1), tol=3e-6)
for norm in ("backward", "ortho", "forward"):
    for name in ("fft", "ifft", "irfft", "hfft"):
        c(f'fft::{name}(x, norm = "{norm}")', x=cplx(6), tol=2e-6)
    for name in ("rfft", "ihfft"):
        c(f'fft::{name}(x, norm = "{norm}")', x=real(6), tol=2e-6)
for name in ("fft", "ifft", "irfft", "hfft"):
    c(f"fft::{name}(x, n = 5, axis = 0)", x=cplx(4, 3), tol=2e-6)
    c(f"fft::{name}(x, 9, 1)", x=cplx(4, 3), tol=2e-6)
both("rfft(x, n = 5, axis = 0)", real(4, 3))
both("ihfft(x, axis = 0)", real(4, 3))
c("fft::fft(x)", x=real(5), tol=2e-6)
c("fft::fft(x)", x=i(5), tol=2e-6)
c("fft::rfft(x)", x=i(6), tol=2e-6)
both("fft2(x)", cplx(4, 6))
both("ifft2(x)", cplx(4, 6))
both("rfft2(x)", real(4, 6))
both("irfft2(x)", cplx(4, 4))
both("fftn(x)", cplx(2, 3, 4))
both("ifftn(x)", cplx(2, 3, 4))
both("rfftn(x)", real(2, 3, 4))
both("irfftn(x)", cplx(2, 3, 4))
c("fft::fftn(x, s = (3, 5), axes = (0, 2))", x=cplx(2, 3, 4), tol=2e-6)
c('fft::rfftn(x, s = (3, 5), norm = "ortho")', x=real(2, 3, 4), tol=2e-6)
c("fft::irfftn(x, s = (4, 6))", x=cplx(2, 3, 4), tol=2e-6)
for n in (5, 6):
    c(f"fft::fftfreq({n})", tol=1e-6)
    c(f"fft::fftfreq({n}, d = 0.25)", tol=1e-6)
    c(f"fft::rfftfreq({n}, 0.5)", tol=1e-6)
    c("fft::fftshift(x)", x=real(n))
    c("fft::ifftshift(x)", x=real(n))
c("fft::fftshift(x)", x=real(3, 4))
c("fft::fftshift(x, axes = 1)", x=real(3, 4))
c("fft::ifftshift(x, axes = (0,))", x=real(3, 4))
c("vmap(|x| fft::rfft(x))(x)", py="jax.vmap(lambda x: fft.rfft(x))(x)", x=real(3, 8), tol=2e-6)
