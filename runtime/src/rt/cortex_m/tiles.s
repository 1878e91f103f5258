@ Tiles of sums of products for the floating-point unit of Cortex-M: the whole of a sum runs in one call.
@
@ `walk` (r0) says where the factors are; its layout is that of `Walk` in mod.rs. The index k runs over three nested loops, the
@ inner one over elements, and the sums are written to where `walk` says. A product is rounded before it is added (`vmul`,
@ `vadd`: 2 cycles), or, in the functions whose names end in `fused`, with the sum (`vfma`: 1 instruction, 3 cycles on a Cortex-M4).
@ All registers of the FPU are overwritten: `Tile::run` says so to the compiler, and a loop over tiles saves them once.
@ No instruction reads a result of the one before it, which would cost a cycle.

    .syntax unified
    .fpu fpv4-sp-d16

    .equ kiln_walk_a, 0
    .equ kiln_walk_b, 4
    .equ kiln_walk_a_row, 8
    .equ kiln_walk_b_row, 12
    .equ kiln_walk_a_k, 16
    .equ kiln_walk_b_k, 20
    .equ kiln_walk_inner, 24
    .equ kiln_walk_middle, 28
    .equ kiln_walk_outer, 32
    .equ kiln_walk_a_middle, 36
    .equ kiln_walk_b_middle, 40
    .equ kiln_walk_a_outer, 44
    .equ kiln_walk_b_outer, 48
    .equ kiln_walk_blocks, 52
    .equ kiln_walk_sums, 56
    .equ kiln_walk_sums_row, 60

    @ A function of its own section, so that the linker leaves out what is not called.
    .macro kiln_function name
    .section .text.\name, "ax", %progbits
    .global \name
    .hidden \name
    .type \name, %function
    .thumb_func
    .p2align 2
\name:
    push {r4-r11, lr}
    ldr r12, [r0, #kiln_walk_middle]
    ldr lr, [r0, #kiln_walk_outer]
    movs r10, #0
    .endm

    @ Copies the r2 words at r1 to r0, as a function of C: at least sixteen, sixteen at a time, which takes a quarter of an
    @ instruction each.
    .section .text.kiln_copy, "ax", %progbits
    .global kiln_copy
    .hidden kiln_copy
    .type kiln_copy, %function
    .thumb_func
    .p2align 2
kiln_copy:
    lsrs r3, r2, #4
1:  vldmia r1!, {s0-s15}
    subs r3, #1
    vstmia r0!, {s0-s15}
    bne 1b
    ands r2, #15
    beq 3f
2:  ldr r3, [r1], #4
    subs r2, #1
    str r3, [r0], #4
    bne 2b
3:  bx lr
    .size kiln_copy, . - kiln_copy

    @ Writes the sums, which lie side by side, and returns.
    .macro kiln_return name, sums
    ldr r10, [r0, #kiln_walk_sums]
    vstmia r10, \sums
    pop {r4-r11, pc}
    .size \name, . - \name
    .endm

    @ The same for four rows of four.
    .macro kiln_return_rows name
    ldrd r10, r11, [r0, #kiln_walk_sums]
    vstmia r10, {s0-s3}
    add r10, r11
    vstmia r10, {s4-s7}
    add r10, r11
    vstmia r10, {s8-s11}
    add r10, r11
    vstmia r10, {s12-s15}
    pop {r4-r11, pc}
    .size \name, . - \name
    .endm

    @ The same function as `tile`, with sums that start from what is where they are written.
    .macro kiln_from name, tile, sums
    kiln_function \name
    ldr r1, [r0, #kiln_walk_sums]
    vldmia r1, \sums
    b .L\tile\()_from
    .size \name, . - \name
    .endm

    .macro kiln_clear to:vararg
    .irp d, \to
    vmov \d, r10, r10
    .endr
    .endm

    @ After the inner loop: on to the next turn of the middle or outer one at `again`, or on. `a` and `b` are the pointers.
    .macro kiln_turn again, a, b
    subs r12, #1
    beq 8f
    ldr r10, [r0, #kiln_walk_a_middle]
    kiln_add \a
    ldr r10, [r0, #kiln_walk_b_middle]
    kiln_add \b
    b \again
8:  subs lr, #1
    beq 9f
    ldr r12, [r0, #kiln_walk_middle]
    ldr r10, [r0, #kiln_walk_a_outer]
    kiln_add \a
    ldr r10, [r0, #kiln_walk_b_outer]
    kiln_add \b
    b \again
9:
    .endm

    @ All of a sum, two steps of the inner loop a turn; `step` is a macro that does one.
    .macro kiln_steps step, fused, a, b
1:  lsrs r11, r7, #1
    beq 3f
2:  \step \fused
    \step \fused
    subs r11, #1
    bne 2b
3:  tst r7, #1
    beq 4f
    \step \fused
4:  kiln_turn 1b, "\a", "\b"
    .endm

    .macro kiln_add to:vararg
    .irp r, \to
    add \r, r10
    .endr
    .endm

    @ Four sums more: c += a * b.
    .macro kiln_four fused, c0, c1, c2, c3, b0, b1, b2, b3, a
    .if \fused
    vfma.f32 \c0, \b0, \a
    vfma.f32 \c1, \b1, \a
    vfma.f32 \c2, \b2, \a
    vfma.f32 \c3, \b3, \a
    .else
    vmul.f32 s28, \b0, \a
    vmul.f32 s29, \b1, \a
    vmul.f32 s30, \b2, \a
    vmul.f32 s31, \b3, \a
    vadd.f32 \c0, \c0, s28
    vadd.f32 \c1, \c1, s29
    vadd.f32 \c2, \c2, s30
    vadd.f32 \c3, \c3, s31
    .endif
    .endm

    @ The products of four `a` with the row s16-s19.
    .macro kiln_sixteen fused, a0, a1, a2, a3
    kiln_four \fused, s0, s1, s2, s3, s16, s17, s18, s19, \a0
    kiln_four \fused, s4, s5, s6, s7, s16, s17, s18, s19, \a1
    kiln_four \fused, s8, s9, s10, s11, s16, s17, s18, s19, \a2
    kiln_four \fused, s12, s13, s14, s15, s16, s17, s18, s19, \a3
    .endm

    @ Where four rows of a factor begin.
    .macro kiln_a_rows
    ldr r1, [r0, #kiln_walk_a]
    ldr r10, [r0, #kiln_walk_a_row]
    add r2, r1, r10
    add r3, r2, r10
    add r4, r3, r10
    .endm

    .macro kiln_b_rows
    ldr r5, [r0, #kiln_walk_b]
    ldr r10, [r0, #kiln_walk_b_row]
    add r6, r5, r10
    add r8, r6, r10
    add r9, r8, r10
    .endm

    @ 4 x 4; rows of `a` along k, of `b` along the columns.
    .macro kiln_tile_rc name, fused
    kiln_function \name
    kiln_clear d0, d1, d2, d3, d4, d5, d6, d7
.L\name\()_from:
    kiln_a_rows
    ldr r5, [r0, #kiln_walk_b]
    ldr r6, [r0, #kiln_walk_b_k]
    ldr r7, [r0, #kiln_walk_inner]
1:  lsrs r11, r7, #1
    beq 3f
2:  vldmia r1!, {s20, s21}
    vldmia r2!, {s22, s23}
    vldmia r3!, {s24, s25}
    vldmia r4!, {s26, s27}
    vldmia r5, {s16-s19}
    add r5, r6
    kiln_sixteen \fused, s20, s22, s24, s26
    vldmia r5, {s16-s19}
    add r5, r6
    kiln_sixteen \fused, s21, s23, s25, s27
    subs r11, #1
    bne 2b
3:  tst r7, #1
    beq 4f
    vldmia r1!, {s20}
    vldmia r2!, {s22}
    vldmia r3!, {s24}
    vldmia r4!, {s26}
    vldmia r5, {s16-s19}
    add r5, r6
    kiln_sixteen \fused, s20, s22, s24, s26
4:  kiln_turn 1b, "r1, r2, r3, r4", r5
    kiln_return_rows \name
    .endm

    @ 4 x 4; rows of both along k.
    .macro kiln_tile_rr name, fused
    kiln_function \name
    kiln_clear d0, d1, d2, d3, d4, d5, d6, d7
.L\name\()_from:
    kiln_a_rows
    kiln_b_rows
    ldr r7, [r0, #kiln_walk_inner]
1:  lsrs r11, r7, #1
    beq 3f
2:  vldmia r1!, {s20, s21}
    vldmia r2!, {s22, s23}
    vldmia r3!, {s24, s25}
    vldmia r4!, {s26, s27}
    vldmia r5!, {s16, s17}
    vldmia r6!, {s18, s19}
    kiln_half \fused, s0, s1, s4, s5, s8, s9, s12, s13
    vldmia r8!, {s16, s17}
    vldmia r9!, {s18, s19}
    kiln_half \fused, s2, s3, s6, s7, s10, s11, s14, s15
    subs r11, #1
    bne 2b
3:  tst r7, #1
    beq 4f
    vldmia r1!, {s20}
    vldmia r2!, {s22}
    vldmia r3!, {s24}
    vldmia r4!, {s26}
    vldmia r5!, {s16}
    vldmia r6!, {s17}
    vldmia r8!, {s18}
    vldmia r9!, {s19}
    kiln_sixteen \fused, s20, s22, s24, s26
4:  kiln_turn 1b, "r1, r2, r3, r4", "r5, r6, r8, r9"
    kiln_return_rows \name
    .endm

    @ Two columns of the tile, two steps of k: one column's `b` in s16 and s17, the other's in s18 and s19.
    .macro kiln_half fused, c0, d0, c1, d1, c2, d2, c3, d3
    kiln_quarter \fused, \c0, \d0, \c1, \d1, s20, s22, s16, s18
    kiln_quarter \fused, \c2, \d2, \c3, \d3, s24, s26, s16, s18
    kiln_quarter \fused, \c0, \d0, \c1, \d1, s21, s23, s17, s19
    kiln_quarter \fused, \c2, \d2, \c3, \d3, s25, s27, s17, s19
    .endm

    .macro kiln_quarter fused, c0, d0, c1, d1, a0, a1, b0, b1
    .if \fused
    vfma.f32 \c0, \a0, \b0
    vfma.f32 \d0, \a0, \b1
    vfma.f32 \c1, \a1, \b0
    vfma.f32 \d1, \a1, \b1
    .else
    vmul.f32 s28, \a0, \b0
    vmul.f32 s29, \a0, \b1
    vmul.f32 s30, \a1, \b0
    vmul.f32 s31, \a1, \b1
    vadd.f32 \c0, \c0, s28
    vadd.f32 \d0, \d0, s29
    vadd.f32 \c1, \c1, s30
    vadd.f32 \d1, \d1, s31
    .endif
    .endm

    @ 4 x 4; `a` along the rows, `b` along the columns.
    .macro kiln_tile_cc name, fused
    kiln_function \name
    kiln_clear d0, d1, d2, d3, d4, d5, d6, d7
.L\name\()_from:
    ldr r1, [r0, #kiln_walk_a]
    ldr r2, [r0, #kiln_walk_a_k]
    ldr r5, [r0, #kiln_walk_b]
    ldr r6, [r0, #kiln_walk_b_k]
    ldr r7, [r0, #kiln_walk_inner]
    kiln_steps kiln_outer, \fused, r1, r5
    kiln_return_rows \name
    .endm

    .macro kiln_outer fused
    vldmia r1, {s20-s23}
    add r1, r2
    vldmia r5, {s16-s19}
    add r5, r6
    kiln_sixteen \fused, s20, s21, s22, s23
    .endm

    @ 4 x 4; `a` along the rows, `b` anywhere.
    .macro kiln_tile_ca name, fused
    kiln_function \name
    kiln_clear d0, d1, d2, d3, d4, d5, d6, d7
.L\name\()_from:
    ldr r1, [r0, #kiln_walk_a]
    ldr r2, [r0, #kiln_walk_a_k]
    kiln_b_rows
    ldr r4, [r0, #kiln_walk_b_k]
    ldr r7, [r0, #kiln_walk_inner]
    kiln_steps kiln_outer_any, \fused, r1, "r5, r6, r8, r9"
    kiln_return_rows \name
    .endm

    .macro kiln_outer_any fused
    vldmia r1, {s20-s23}
    add r1, r2
    kiln_next r4, r5, s16, r6, s17, r8, s18, r9, s19
    kiln_sixteen \fused, s20, s21, s22, s23
    .endm

    @ 4 x 4; both anywhere.
    .macro kiln_tile_aa name, fused
    kiln_function \name
    kiln_clear d0, d1, d2, d3, d4, d5, d6, d7
.L\name\()_from:
    kiln_a_rows
    kiln_b_rows
1:  ldr r11, [r0, #kiln_walk_inner]
    ldr r7, [r0, #kiln_walk_a_k]
    ldr r10, [r0, #kiln_walk_b_k]
    cmp r11, #0
    beq 4f
2:  kiln_next r7, r1, s20, r2, s21, r3, s22, r4, s23
    kiln_next r10, r5, s16, r6, s17, r8, s18, r9, s19
    kiln_sixteen \fused, s20, s21, s22, s23
    subs r11, #1
    bne 2b
4:  kiln_turn 1b, "r1, r2, r3, r4", "r5, r6, r8, r9"
    kiln_return_rows \name
    .endm

    @ 4 x 1; both anywhere.
    .macro kiln_tile_tall_any name
    kiln_function \name
    kiln_clear d0, d1
.L\name\()_from:
    kiln_a_rows
    ldr r5, [r0, #kiln_walk_b]
    ldr r7, [r0, #kiln_walk_a_k]
    ldr r6, [r0, #kiln_walk_b_k]
1:  ldr r11, [r0, #kiln_walk_inner]
    cmp r11, #0
    beq 4f
2:  kiln_next r7, r1, s16, r2, s17, r3, s18, r4, s19
    vldr s8, [r5]
    add r5, r6
    kiln_four 0, s0, s1, s2, s3, s16, s17, s18, s19, s8
    subs r11, #1
    bne 2b
4:  kiln_turn 1b, "r1, r2, r3, r4", r5
    kiln_return \name, {s0-s3}
    .endm

    @ Loads four elements, each from a place of its own, and moves on by `step`.
    .macro kiln_next step, p0, x0, p1, x1, p2, x2, p3, x3
    vldr \x0, [\p0]
    vldr \x1, [\p1]
    vldr \x2, [\p2]
    vldr \x3, [\p3]
    add \p0, \step
    add \p1, \step
    add \p2, \step
    add \p3, \step
    .endm

    @ 1 x 8: one `a` for each k, eight `b` in a row.
    .macro kiln_tile_wide name, fused
    kiln_function \name
    kiln_clear d0, d1, d2, d3
.L\name\()_from:
    ldr r1, [r0, #kiln_walk_a]
    ldr r2, [r0, #kiln_walk_a_k]
    ldr r5, [r0, #kiln_walk_b]
    ldr r6, [r0, #kiln_walk_b_k]
    ldr r7, [r0, #kiln_walk_inner]
    kiln_steps kiln_eight, \fused, r1, r5
    kiln_return \name, {s0-s7}
    .endm

    .macro kiln_eight fused
    vldr s24, [r1]
    add r1, r2
    vldmia r5, {s16-s23}
    add r5, r6
    kiln_four \fused, s0, s1, s2, s3, s16, s17, s18, s19, s24
    kiln_four \fused, s4, s5, s6, s7, s20, s21, s22, s23, s24
    .endm

    @ 4 x 1: rows of `a` along k, `b` along k.
    .macro kiln_tile_tall name
    kiln_function \name
    kiln_clear d0, d1
.L\name\()_from:
    kiln_a_rows
    ldr r5, [r0, #kiln_walk_b]
    ldr r7, [r0, #kiln_walk_inner]
1:  lsrs r11, r7, #3
    beq 3f
2:  vldmia r5!, {s8-s15}
    vldmia r1!, {s16-s23}
    vldmia r2!, {s24-s31}
    kiln_two s0, s1
    vldmia r3!, {s16-s23}
    vldmia r4!, {s24-s31}
    kiln_two s2, s3
    subs r11, #1
    bne 2b
3:  ands r11, r7, #7
    beq 4f
5:  vldmia r5!, {s8}
    vldmia r1!, {s16}
    vldmia r2!, {s17}
    vldmia r3!, {s18}
    vldmia r4!, {s19}
    kiln_four 0, s0, s1, s2, s3, s16, s17, s18, s19, s8
    subs r11, #1
    bne 5b
4:  kiln_turn 1b, "r1, r2, r3, r4", r5
    kiln_return \name, {s0-s3}
    .endm

    @ Two sums of eight products each, taking turns.
    .macro kiln_two c, d
    kiln_products s8, s16, s24
    kiln_products s9, s17, s25
    kiln_products s10, s18, s26
    kiln_products s11, s19, s27
    kiln_products s12, s20, s28
    kiln_products s13, s21, s29
    kiln_products s14, s22, s30
    kiln_products s15, s23, s31
    kiln_sums \c, \d, s16, s24
    kiln_sums \c, \d, s17, s25
    kiln_sums \c, \d, s18, s26
    kiln_sums \c, \d, s19, s27
    kiln_sums \c, \d, s20, s28
    kiln_sums \c, \d, s21, s29
    kiln_sums \c, \d, s22, s30
    kiln_sums \c, \d, s23, s31
    .endm

    .macro kiln_products b, x, y
    vmul.f32 \x, \x, \b
    vmul.f32 \y, \y, \b
    .endm

    .macro kiln_sums c, d, x, y
    vadd.f32 \c, \c, \x
    vadd.f32 \d, \d, \y
    .endm

    @ 1 x 1; both along k.
    .macro kiln_tile_dot name
    kiln_function \name
    kiln_clear d0
.L\name\()_from:
    ldr r1, [r0, #kiln_walk_a]
    ldr r5, [r0, #kiln_walk_b]
    ldr r7, [r0, #kiln_walk_inner]
1:  lsrs r11, r7, #3
    beq 3f
2:  vldmia r1!, {s8-s15}
    vldmia r5!, {s16-s23}
    vmul.f32 s8, s8, s16
    vmul.f32 s9, s9, s17
    vadd.f32 s0, s0, s8
    vmul.f32 s10, s10, s18
    vadd.f32 s0, s0, s9
    vmul.f32 s11, s11, s19
    vadd.f32 s0, s0, s10
    vmul.f32 s12, s12, s20
    vadd.f32 s0, s0, s11
    vmul.f32 s13, s13, s21
    vadd.f32 s0, s0, s12
    vmul.f32 s14, s14, s22
    vadd.f32 s0, s0, s13
    vmul.f32 s15, s15, s23
    vadd.f32 s0, s0, s14
    subs r11, #1
    vadd.f32 s0, s0, s15
    bne 2b
3:  ands r11, r7, #7
    beq 4f
5:  vldmia r1!, {s8}
    vldmia r5!, {s16}
    vmul.f32 s8, s8, s16
    subs r11, #1
    vadd.f32 s0, s0, s8
    bne 5b
4:  kiln_turn 1b, r1, r5
    kiln_return \name, {s0}
    .endm

    @ 8 x 1 with `a` along both the rows and k, so that the window slides over it: every element is loaded once for eight products.
    @ `b` along k, upwards, or, if `down`, downwards. The middle loops go in steps of eight, the rest as in `kiln_tile_wide`.
    .macro kiln_tile_slide name, down
    kiln_function \name
    kiln_clear d0, d1, d2, d3
.L\name\()_from:
    ldr r1, [r0, #kiln_walk_a]
    ldr r5, [r0, #kiln_walk_b]
    .if \down
    adds r5, #4
    .endif
1:  ldr r7, [r0, #kiln_walk_inner]
    ldr r6, [r0, #kiln_walk_blocks]
    sub r7, r7, r6, lsl #3
    cmp r6, #0
    beq 3f
    vldmia r1!, {s8-s15}
2:  vldmia r1!, {s16-s23}
    kiln_slide_eight \down, s8, s9, s10, s11, s12, s13, s14, s15, s16, s17, s18, s19, s20, s21, s22
    subs r6, #1
    beq 6f
    vldmia r1!, {s8-s15}
    kiln_slide_eight \down, s16, s17, s18, s19, s20, s21, s22, s23, s8, s9, s10, s11, s12, s13, s14
    subs r6, #1
    bne 2b
6:  subs r1, #32
3:  cmp r7, #0
    beq 4f
5:  vldmia r1, {s16-s23}
    adds r1, #4
    .if \down
    vldmdb r5!, {s24}
    .else
    vldmia r5!, {s24}
    .endif
    kiln_four 0, s0, s1, s2, s3, s16, s17, s18, s19, s24
    kiln_four 0, s4, s5, s6, s7, s20, s21, s22, s23, s24
    subs r7, #1
    bne 5b
4:  kiln_turn 1b, r1, r5
    kiln_return \name, {s0-s7}
    .endm

    @ Eight steps of k for eight sums: x0-x7 are the samples of the first, y0-y6 those that come in.
    .macro kiln_slide_eight down, x0, x1, x2, x3, x4, x5, x6, x7, y0, y1, y2, y3, y4, y5, y6
    .if \down
    vldmdb r5!, {s24-s27}
    kiln_slide s27, \x0, \x1, \x2, \x3, \x4, \x5, \x6, \x7
    kiln_slide s26, \x1, \x2, \x3, \x4, \x5, \x6, \x7, \y0
    kiln_slide s25, \x2, \x3, \x4, \x5, \x6, \x7, \y0, \y1
    kiln_slide s24, \x3, \x4, \x5, \x6, \x7, \y0, \y1, \y2
    vldmdb r5!, {s24-s27}
    kiln_slide s27, \x4, \x5, \x6, \x7, \y0, \y1, \y2, \y3
    kiln_slide s26, \x5, \x6, \x7, \y0, \y1, \y2, \y3, \y4
    kiln_slide s25, \x6, \x7, \y0, \y1, \y2, \y3, \y4, \y5
    kiln_slide s24, \x7, \y0, \y1, \y2, \y3, \y4, \y5, \y6
    .else
    vldmia r5!, {s24-s27}
    kiln_slide s24, \x0, \x1, \x2, \x3, \x4, \x5, \x6, \x7
    kiln_slide s25, \x1, \x2, \x3, \x4, \x5, \x6, \x7, \y0
    kiln_slide s26, \x2, \x3, \x4, \x5, \x6, \x7, \y0, \y1
    kiln_slide s27, \x3, \x4, \x5, \x6, \x7, \y0, \y1, \y2
    vldmia r5!, {s24-s27}
    kiln_slide s24, \x4, \x5, \x6, \x7, \y0, \y1, \y2, \y3
    kiln_slide s25, \x5, \x6, \x7, \y0, \y1, \y2, \y3, \y4
    kiln_slide s26, \x6, \x7, \y0, \y1, \y2, \y3, \y4, \y5
    kiln_slide s27, \x7, \y0, \y1, \y2, \y3, \y4, \y5, \y6
    .endif
    .endm

    .macro kiln_slide b, x0, x1, x2, x3, x4, x5, x6, x7
    kiln_four 0, s0, s1, s2, s3, \x0, \x1, \x2, \x3, \b
    kiln_four 0, s4, s5, s6, s7, \x4, \x5, \x6, \x7, \b
    .endm

    @ 4 x 4 in which the columns are lanes: column n of the sums is of column n of both. Both along the lanes.
    .macro kiln_tile_lanes name, fused
    kiln_function \name
    kiln_clear d0, d1, d2, d3, d4, d5, d6, d7
    kiln_a_rows
    ldr r8, [r0, #kiln_walk_a_k]
    ldr r5, [r0, #kiln_walk_b]
    ldr r6, [r0, #kiln_walk_b_k]
1:  ldr r7, [r0, #kiln_walk_inner]
    cmp r7, #0
    beq 4f
2:  vldmia r5, {s16-s19}
    add r5, r6
    kiln_lane \fused, r1, s0, s1, s2, s3
    kiln_lane \fused, r2, s4, s5, s6, s7
    kiln_lane \fused, r3, s8, s9, s10, s11
    kiln_lane \fused, r4, s12, s13, s14, s15
    subs r7, #1
    bne 2b
4:  kiln_turn 1b, "r1, r2, r3, r4", r5
    kiln_return_rows \name
    .endm

    @ 1 x 8 lanes.
    .macro kiln_tile_lane name, fused
    kiln_function \name
    kiln_clear d0, d1, d2, d3
    ldr r1, [r0, #kiln_walk_a]
    ldr r8, [r0, #kiln_walk_a_k]
    ldr r5, [r0, #kiln_walk_b]
    ldr r6, [r0, #kiln_walk_b_k]
1:  ldr r7, [r0, #kiln_walk_inner]
    cmp r7, #0
    beq 4f
2:  vldmia r1, {s8-s15}
    add r1, r8
    vldmia r5, {s16-s23}
    add r5, r6
    .if \fused
    vfma.f32 s0, s8, s16
    vfma.f32 s1, s9, s17
    vfma.f32 s2, s10, s18
    vfma.f32 s3, s11, s19
    vfma.f32 s4, s12, s20
    vfma.f32 s5, s13, s21
    vfma.f32 s6, s14, s22
    vfma.f32 s7, s15, s23
    .else
    vmul.f32 s8, s8, s16
    vmul.f32 s9, s9, s17
    vmul.f32 s10, s10, s18
    vmul.f32 s11, s11, s19
    vmul.f32 s12, s12, s20
    vmul.f32 s13, s13, s21
    vmul.f32 s14, s14, s22
    vmul.f32 s15, s15, s23
    vadd.f32 s0, s0, s8
    vadd.f32 s1, s1, s9
    vadd.f32 s2, s2, s10
    vadd.f32 s3, s3, s11
    vadd.f32 s4, s4, s12
    vadd.f32 s5, s5, s13
    vadd.f32 s6, s6, s14
    vadd.f32 s7, s7, s15
    .endif
    subs r7, #1
    bne 2b
4:  kiln_turn 1b, r1, r5
    kiln_return \name, {s0-s7}
    .endm

    .macro kiln_lane fused, from, c0, c1, c2, c3
    vldmia \from, {s20-s23}
    add \from, r8
    .if \fused
    vfma.f32 \c0, s20, s16
    vfma.f32 \c1, s21, s17
    vfma.f32 \c2, s22, s18
    vfma.f32 \c3, s23, s19
    .else
    vmul.f32 s20, s20, s16
    vmul.f32 s21, s21, s17
    vmul.f32 s22, s22, s18
    vmul.f32 s23, s23, s19
    vadd.f32 \c0, \c0, s20
    vadd.f32 \c1, \c1, s21
    vadd.f32 \c2, \c2, s22
    vadd.f32 \c3, \c3, s23
    .endif
    .endm

    kiln_tile_rc kiln_tile_rc_plain, 0
    kiln_from kiln_tile_rc_from, kiln_tile_rc_plain, {s0-s15}
    kiln_tile_rc kiln_tile_rc_fused, 1
    kiln_tile_rr kiln_tile_rr_plain, 0
    kiln_from kiln_tile_rr_from, kiln_tile_rr_plain, {s0-s15}
    kiln_tile_rr kiln_tile_rr_fused, 1
    kiln_tile_cc kiln_tile_cc_plain, 0
    kiln_from kiln_tile_cc_from, kiln_tile_cc_plain, {s0-s15}
    kiln_tile_cc kiln_tile_cc_fused, 1
    kiln_tile_ca kiln_tile_ca_plain, 0
    kiln_from kiln_tile_ca_from, kiln_tile_ca_plain, {s0-s15}
    kiln_tile_ca kiln_tile_ca_fused, 1
    kiln_tile_aa kiln_tile_aa_plain, 0
    kiln_from kiln_tile_aa_from, kiln_tile_aa_plain, {s0-s15}
    kiln_tile_aa kiln_tile_aa_fused, 1
    kiln_tile_tall_any kiln_tile_tall_any
    kiln_from kiln_tile_tall_any_from, kiln_tile_tall_any, {s0-s3}
    kiln_tile_wide kiln_tile_wide_plain, 0
    kiln_from kiln_tile_wide_from, kiln_tile_wide_plain, {s0-s7}
    kiln_tile_wide kiln_tile_wide_fused, 1
    kiln_tile_tall kiln_tile_tall
    kiln_from kiln_tile_tall_from, kiln_tile_tall, {s0-s3}
    kiln_tile_dot kiln_tile_dot
    kiln_from kiln_tile_dot_from, kiln_tile_dot, {s0}
    kiln_tile_slide kiln_tile_slide_up, 0
    kiln_from kiln_tile_slide_up_from, kiln_tile_slide_up, {s0-s7}
    kiln_tile_slide kiln_tile_slide_down, 1
    kiln_from kiln_tile_slide_down_from, kiln_tile_slide_down, {s0-s7}
    kiln_tile_lanes kiln_tile_lanes_plain, 0
    kiln_tile_lanes kiln_tile_lanes_fused, 1
    kiln_tile_lane kiln_tile_lane_plain, 0
    kiln_tile_lane kiln_tile_lane_fused, 1

    .text
