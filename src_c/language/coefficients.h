/* Written by tools/coefficients.py; do not edit. Constants and polynomials of vmath.h. */
/* clang-format off */
#ifndef FL_COEFFICIENTS_H
#define FL_COEFFICIENTS_H

#define FL_LOG2_E_f32 0x1.7154760000000p+0f
#define FL_LN2_f32 0x1.62e4300000000p-1f
#define FL_LN2_LOW_f32 -0x1.05c6100000000p-29f
#define FL_LN2_HEAD_f32 0x1.62e0000000000p-1f
#define FL_LN2_MIDDLE_f32 0x1.0bfbe80000000p-15f
#define FL_TWO_THIRDS_f32 0x1.5555560000000p-1f
#define FL_TWO_THIRDS_LOW_f32 -0x1.5555560000000p-26f
#define FL_HALF_LOG_2PI_f32 0x1.d67f1c0000000p-1f
#define FL_QUARTER_PI_f32 0x1.921fb60000000p-1f
#define FL_TWO_OVER_PI_f32 0x1.45f3060000000p-1f
#define FL_EXPM1_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.a114120000000p-16f, (x * x), \
        FL_FMA_f32(0x1.a152aa0000000p-13f, x, 0x1.6c16860000000p-10f)), (x * x), \
        FL_FMA_f32(0x1.1110c60000000p-7f, x, 0x1.5555560000000p-5f)), (x * x), \
        FL_FMA_f32(0x1.5555560000000p-3f, x, 0x1.0000000000000p-1f))
#define FL_SOFTMAX_EXP_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.6d444a0000000p-10f, x, \
        0x1.123eb60000000p-7f), x, \
        0x1.5554e80000000p-5f), x, \
        0x1.55547a0000000p-3f), x, \
        0x1.0000000000000p-1f), x, \
        0x1.0000000000000p+0f)
#define FL_SOFTMAX_LOG_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.e6ac560000000p-3f, x, \
        0x1.242ac60000000p-2f), x, \
        0x1.999a700000000p-2f), x, \
        0x1.5555560000000p-1f)
#define FL_LOG_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.de0b020000000p-3f, x, \
        0x1.245b280000000p-2f), x, \
        0x1.9999ee0000000p-2f), x, \
        0x1.5555560000000p-1f)
#define FL_EXP_POWER_f32(x) \
    FL_FMA_f32(FL_FMA_f32(0x1.6d11fe0000000p-10f, (x * x), \
        FL_FMA_f32(0x1.120c620000000p-7f, x, 0x1.5555180000000p-5f)), (x * x), \
        FL_FMA_f32(0x1.5554dc0000000p-3f, x, 0x1.0000000000000p-1f))
#define FL_LOG_SECOND_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.87c8bc0000000p-3f, x, \
        0x1.c6bf0a0000000p-3f), x, \
        0x1.2492900000000p-2f), x, \
        0x1.99999a0000000p-2f)
#define FL_X_MINUS_LOG1P_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.e66d700000000p-3f, x, \
        0x1.242c5a0000000p-2f), x, \
        0x1.999a6c0000000p-2f), x, \
        0x1.5555560000000p-1f)
#define FL_LOG1P_UNIT_f32(x) \
    FL_FMA_f32(FL_FMA_f32(0x1.dbc1720000000p-3f, (x * x), \
        FL_FMA_f32(0x1.bc86f40000000p-3f, x, 0x1.24c9540000000p-2f)), (x * x), \
        FL_FMA_f32(0x1.9998d40000000p-2f, x, 0x1.5555560000000p-1f))
#define FL_EXP_SLOPE_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.6d444a0000000p-10f, x, 0x1.123eb60000000p-7f), (x * x), \
        FL_FMA_f32(0x1.5554e80000000p-5f, x, 0x1.55547a0000000p-3f)), (x * x), \
        FL_FMA_f32(0x1.0000000000000p-1f, x, 0x1.0000000000000p+0f))
#define FL_EXP_TAIL_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.a114120000000p-16f, (x * x), \
        FL_FMA_f32(0x1.a152aa0000000p-13f, x, 0x1.6c16860000000p-10f)), (x * x), \
        FL_FMA_f32(0x1.1110c60000000p-7f, x, 0x1.5555560000000p-5f)), (x * x), \
        FL_FMA_f32(0x1.5555560000000p-3f, x, 0x1.0000000000000p-1f))
#define FL_LOG1P_SLOPE_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(-0x1.a04aca0000000p-9f, x, 0x1.402f4c0000000p-6f), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(-0x1.cdd0080000000p-5f, x, 0x1.afdde80000000p-4f), (x * x), FL_FMA_f32(-0x1.38b9080000000p-3f, x, 0x1.92b4300000000p-3f))), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(-0x1.ff02540000000p-3f, x, 0x1.554bd60000000p-2f), (x * x), FL_FMA_f32(-0x1.ffffb80000000p-2f, x, 0x1.0000000000000p+0f)))
#define FL_LOG1P_TAIL_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.6f37820000000p-9f, x, -0x1.198c0a0000000p-6f), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(0x1.93f2820000000p-5f, x, -0x1.7659b40000000p-4f), (x * x), FL_FMA_f32(0x1.0aec5e0000000p-3f, x, -0x1.4f28880000000p-3f))), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(0x1.98b6a00000000p-3f, x, -0x1.ffef040000000p-3f), (x * x), FL_FMA_f32(0x1.5555140000000p-2f, x, -0x1.0000000000000p-1f)))
#define FL_LOG1P_AROUND_f32(x) \
    FL_FMA_f32(FL_FMA_f32(-0x1.3a4ff60000000p-4f, ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(0x1.048f720000000p-3f, x, -0x1.0cda320000000p-3f), (x * x), FL_FMA_f32(0x1.22ea5a0000000p-3f, x, -0x1.5483820000000p-3f))), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(0x1.99a0120000000p-3f, x, -0x1.00020c0000000p-2f), (x * x), FL_FMA_f32(0x1.5555540000000p-2f, x, -0x1.fffffe0000000p-2f)))
#define FL_LOG1P_QUOTIENT_f32(x) \
    FL_FMA_f32(FL_FMA_f32(0x1.dbc1720000000p-3f, (x * x), \
        FL_FMA_f32(0x1.bc86f40000000p-3f, x, 0x1.24c9540000000p-2f)), (x * x), \
        FL_FMA_f32(0x1.9998d40000000p-2f, x, 0x1.5555560000000p-1f))
#define FL_LOG_COSH_NEAR_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.a516340000000p-14f, x, -0x1.388d9a0000000p-11f), (x * x), \
        FL_FMA_f32(0x1.15e2080000000p-9f, x, -0x1.b921dc0000000p-8f)), (x * x), \
        FL_FMA_f32(0x1.6c11880000000p-6f, x, -0x1.5555500000000p-4f))
#define FL_LOG_COSH_EXP_f32(x) \
    FL_FMA_f32(FL_FMA_f32(0x1.120c620000000p-7f, (x * x), \
        FL_FMA_f32(0x1.570d5a0000000p-5f, x, 0x1.5554dc0000000p-3f)), (x * x), \
        FL_FMA_f32(0x1.fffe580000000p-2f, x, 0x1.0000000000000p+0f))
#define FL_LOG_COSH_FAR_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.4a0eb80000000p-3f, x, \
        -0x1.f9955e0000000p-3f), x, \
        0x1.553f820000000p-2f), x, \
        -0x1.ffffe80000000p-2f)
#define FL_EXPM1_MINUS_X_f32(x) \
    FL_FMA_f32(FL_FMA_f32(0x1.b4a4e20000000p-26f, ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(0x1.2cfadc0000000p-22f, x, 0x1.71d4d40000000p-19f), (x * x), FL_FMA_f32(0x1.a00ab60000000p-16f, x, 0x1.a01a0c0000000p-13f))), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(0x1.6c16d20000000p-10f, x, 0x1.1111120000000p-7f), (x * x), FL_FMA_f32(0x1.5555560000000p-5f, x, 0x1.5555560000000p-3f)))
#define FL_ATAN_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.9d60fa0000000p-5f, x, -0x1.613c1c0000000p-4f), (x * x), \
        FL_FMA_f32(0x1.c57a940000000p-4f, x, -0x1.248a100000000p-3f)), (x * x), \
        FL_FMA_f32(0x1.99997a0000000p-3f, x, -0x1.5555560000000p-2f))
#define FL_LGAMMA1P_A_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(0x1.ea2c9a0000000p-11f, (x * x), FL_FMA_f32(-0x1.8fa2840000000p-10f, x, 0x1.e89b340000000p-10f)), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(-0x1.988c900000000p-9f, x, 0x1.655f820000000p-8f), (x * x), FL_FMA_f32(-0x1.3535520000000p-7f, x, 0x1.1332e20000000p-6f))), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(-0x1.0079a60000000p-5f, x, 0x1.01af640000000p-4f), (x * x), FL_FMA_f32(-0x1.2aed060000000p-3f, x, 0x1.eeb95c0000000p-2f)))
#define FL_LGAMMA1P_B_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(-0x1.0df23a0000000p-20f, (x * x), FL_FMA_f32(0x1.bff5c40000000p-19f, x, -0x1.1c07ee0000000p-17f)), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(0x1.eb758a0000000p-16f, x, -0x1.c059820000000p-14f), (x * x), FL_FMA_f32(0x1.9c9a8c0000000p-12f, x, -0x1.90ba840000000p-10f))), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(0x1.a8f68a0000000p-8f, x, -0x1.0789a20000000p-5f), (x * x), FL_FMA_f32(0x1.d64c020000000p-3f, x, 0x1.62e4300000000p-1f)))
#define FL_LGAMMA1P_C_f32(x) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32(-0x1.419a140000000p-26f, x, 0x1.1f5ca20000000p-23f), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(-0x1.ada3aa0000000p-21f, x, 0x1.a4eb2c0000000p-18f), (x * x), FL_FMA_f32(-0x1.be61460000000p-15f, x, 0x1.0273d20000000p-11f))), ((x * x) * (x * x)), \
        FL_FMA_f32(FL_FMA_f32(-0x1.6626920000000p-8f, x, 0x1.7359620000000p-4f), (x * x), FL_FMA_f32(0x1.b4c4200000000p+0f, x, 0x1.3266440000000p+2f)))
#define FL_LGAMMA_STIRLING_f32(x) \
    FL_FMA_f32(FL_FMA_f32(0x1.98f67c0000000p-11f, x, \
        -0x1.6c14180000000p-9f), x, \
        0x1.5555560000000p-4f)
#define FL_EXPM1_TAILS_TERMS_f32 7
#define FL_EXPM1_TAILS_f32(x, w) \
    FL_FMA_f32(FL_FMA_f32(FL_FMA_f32((0x1.a845000000000p-16f * w[6]), (x * x), \
        FL_FMA_f32((0x1.aa54b60000000p-13f * w[5]), x, (0x1.6c06600000000p-10f * w[4]))), (x * x), \
        FL_FMA_f32((0x1.10fc8a0000000p-7f * w[3]), x, (0x1.5555660000000p-5f * w[2]))), (x * x), \
        FL_FMA_f32((0x1.55557e0000000p-3f * w[1]), x, (0x1.0000000000000p-1f * w[0])))
#define FL_EXP_ODD_f32(x) (x + 0x1.e09edc0000000p+5f)
#define FL_EXP_EVEN_f32(x) FL_FMA_f32(0x1.8069d40000000p+3f, x, \
        0x1.e09edc0000000p+6f)
#define FL_TWO_OVER_TWO_PLUS_f32(x) \
    FL_FMA_f32(FL_FMA_f32(0x1.deaba00000000p-3f, x, \
        -0x1.051cc40000000p-1f), x, \
        0x1.0029d80000000p+0f)

#define FL_LOG2_E_f64 0x1.71547652b82fep+0
#define FL_LN2_f64 0x1.62e42fefa39efp-1
#define FL_LN2_LOW_f64 0x1.abc9e3b39803fp-56
#define FL_LN2_HEAD_f64 0x1.62e42fefa4000p-1
#define FL_LN2_MIDDLE_f64 -0x1.8432a1b0e2634p-43
#define FL_TWO_THIRDS_f64 0x1.5555555555555p-1
#define FL_TWO_THIRDS_LOW_f64 0x1.5555555555555p-55
#define FL_HALF_LOG_2PI_f64 0x1.d67f1c864beb5p-1
#define FL_QUARTER_PI_f64 0x1.921fb54442d18p-1
#define FL_TWO_OVER_PI_f64 0x1.45f306dc9c883p-1
#define FL_EXPM1_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.1f7385560be05p-29, (x * x), FL_FMA_f64(0x1.af4ecd2129492p-26, x, 0x1.27e4db25ce3adp-22)), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.71de01c3fc936p-19, x, 0x1.a01a01a6ec522p-16), (x * x), FL_FMA_f64(0x1.a01a01ac0a9eep-13, x, 0x1.6c16c16c162b0p-10))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.111111111009cp-7, x, 0x1.5555555555556p-5), (x * x), FL_FMA_f64(0x1.5555555555557p-3, x, 0x1.0000000000000p-1)))
#define FL_SOFTMAX_EXP_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.af4ecd2129492p-26, x, \
        0x1.28a38365c4751p-22), x, \
        0x1.71de01c3fc936p-19), x, \
        0x1.a019a5aef5532p-16), x, \
        0x1.a01a01ac0a9eep-13), x, \
        0x1.6c16c17f7ee1dp-10), x, \
        0x1.111111111009cp-7), x, \
        0x1.5555555551fd6p-5), x, \
        0x1.5555555555557p-3), x, \
        0x1.0000000000005p-1), x, \
        0x1.0000000000000p+0)
#define FL_SOFTMAX_LOG_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.17057464c9cecp-3, x, 0x1.0e7e988d7e677p-3), (x * x), \
        FL_FMA_f64(0x1.3b2a83941a25fp-3, x, 0x1.745ca7c399179p-3)), (x * x), \
        FL_FMA_f64(0x1.c71c72ee10901p-3, x, 0x1.24924923d3163p-2)), (x * x), \
        FL_FMA_f64(0x1.9999999999f7ep-2, x, 0x1.5555555555555p-1))
#define FL_LOG_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.0c4d8297b1431p-3, x, 0x1.0fb77bcdefa76p-3), (x * x), \
        FL_FMA_f64(0x1.3b1c79943fca2p-3, x, 0x1.745cf7c1d5dafp-3)), (x * x), \
        FL_FMA_f64(0x1.c71c7204621fep-3, x, 0x1.249249247513dp-2)), (x * x), \
        FL_FMA_f64(0x1.9999999999a43p-2, x, 0x1.5555555555555p-1))
#define FL_EXP_POWER_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.af39789bfd689p-26, x, 0x1.28922d8c8d4fbp-22), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.71de0d573888bp-19, x, 0x1.a019b87f7a6e9p-16), (x * x), FL_FMA_f64(0x1.a01a01a7da98dp-13, x, 0x1.6c16c178b0646p-10))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.1111111110996p-7, x, 0x1.5555555553d05p-5), (x * x), FL_FMA_f64(0x1.5555555555556p-3, x, 0x1.0000000000001p-1)))
#define FL_LOG_SECOND_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.e0b2fadc317e7p-4, x, 0x1.df700c050c69dp-4), (x * x), \
        FL_FMA_f64(0x1.11190514d902bp-3, x, 0x1.3b1394b0a7753p-3)), (x * x), \
        FL_FMA_f64(0x1.745d177d4ef6cp-3, x, 0x1.c71c71c6e78a1p-3)), (x * x), \
        FL_FMA_f64(0x1.249249249252cp-2, x, 0x1.999999999999ap-2))
#define FL_X_MINUS_LOG1P_f64(x) \
    FL_FMA_f64(FL_FMA_f64(0x1.fcd9cadda7405p-4, ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.dbda7a4188a45p-4, x, 0x1.1130d743d511bp-3), (x * x), FL_FMA_f64(0x1.3b12ef4d5d8c1p-3, x, 0x1.745d19fac65e7p-3))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.c71c71c1b0507p-3, x, 0x1.249249249500bp-2), (x * x), FL_FMA_f64(0x1.9999999999989p-2, x, 0x1.5555555555555p-1)))
#define FL_LOG1P_UNIT_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.404f6dd66ea13p-3, (x * x), FL_FMA_f64(0x1.32abe5dccab6ep-4, x, 0x1.bc43c35a64a26p-4)), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.e0a1603ef49f0p-4, x, 0x1.111acba3705c9p-3), (x * x), FL_FMA_f64(0x1.3b1350bd293a1p-3, x, 0x1.745d1997fab11p-3))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.c71c71becc6d8p-3, x, 0x1.2492492499e70p-2), (x * x), FL_FMA_f64(0x1.9999999999943p-2, x, 0x1.5555555555555p-1)))
#define FL_EXP_SLOPE_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.af4ecd2129492p-26, (x * x), FL_FMA_f64(0x1.28a38365c4751p-22, x, 0x1.71de01c3fc936p-19)), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.a019a5aef5532p-16, x, 0x1.a01a01ac0a9eep-13), (x * x), FL_FMA_f64(0x1.6c16c17f7ee1dp-10, x, 0x1.111111111009cp-7))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.5555555551fd6p-5, x, 0x1.5555555555557p-3), (x * x), FL_FMA_f64(0x1.0000000000005p-1, x, 0x1.0000000000000p+0)))
#define FL_EXP_TAIL_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.1f7385560be05p-29, (x * x), FL_FMA_f64(0x1.af4ecd2129492p-26, x, 0x1.27e4db25ce3adp-22)), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.71de01c3fc936p-19, x, 0x1.a01a01a6ec522p-16), (x * x), FL_FMA_f64(0x1.a01a01ac0a9eep-13, x, 0x1.6c16c16c162b0p-10))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.111111111009cp-7, x, 0x1.5555555555556p-5), (x * x), FL_FMA_f64(0x1.5555555555557p-3, x, 0x1.0000000000000p-1)))
#define FL_LOG1P_QUOTIENT_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.4b38f5f00932ap-3, x, 0x1.684e456fabd5dp-4), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.eb9904569e5bep-4, x, 0x1.10ac017455d97p-3), (x * x), FL_FMA_f64(0x1.3b18b9ae91151p-3, x, 0x1.745cf07017f6bp-3))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.c71c72728d141p-3, x, 0x1.24924923d2aacp-2), (x * x), FL_FMA_f64(0x1.999999999a3f6p-2, x, 0x1.5555555555555p-1)))
#define FL_LOG_COSH_NEAR_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.21684705c89cbp-27, x, -0x1.5e258d66d62f2p-24), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.b0918798c561ap-22, x, -0x1.7da524fe4d8b2p-20), (x * x), FL_FMA_f64(0x1.1cdfa01a3a543p-18, x, -0x1.8e4854a4da32dp-17))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.12b09b83ea6b9p-15, x, -0x1.7d99730137d03p-14), (x * x), FL_FMA_f64(0x1.0d0adb0e8800ep-12, x, -0x1.833d9524b670dp-11))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.1ea5d37908eaep-9, x, -0x1.ba1ba1b96f2abp-8), (x * x), FL_FMA_f64(0x1.6c16c16c16184p-6, x, -0x1.5555555555554p-4)))
#define FL_LOG_COSH_QUOTIENT_f64(x) \
    FL_FMA_f64(FL_FMA_f64(0x1.778e5f29737a9p-3, (x * x), \
        FL_FMA_f64(0x1.c7198eaa70e54p-3, x, 0x1.249249acd8f34p-2)), (x * x), \
        FL_FMA_f64(0x1.999999998804fp-2, x, 0x1.5555555555558p-1))
#define FL_EXPM1_MINUS_X_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.99a3e89b92528p-49, (x * x), FL_FMA_f64(0x1.b3cdd9ad4768dp-45, x, 0x1.ae7888476cf5dp-41)), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.938f50b0d66c4p-37, x, 0x1.6124665c20496p-33), (x * x), FL_FMA_f64(0x1.1eed9518c242bp-29, x, 0x1.ae64567b21089p-26))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.27e4fb728bf10p-22, x, 0x1.71de3a556e36fp-19), (x * x), FL_FMA_f64(0x1.a01a01a01e338p-16, x, 0x1.a01a01a01a010p-13))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.6c16c16c16bfep-10, x, 0x1.1111111111111p-7), (x * x), FL_FMA_f64(0x1.5555555555555p-5, x, 0x1.5555555555555p-3)))
#define FL_ATAN_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.0a997ba33c1dbp-6, x, -0x1.1b1992aa413c9p-5), (x * x), FL_FMA_f64(0x1.74d3a7b43351ap-5, x, -0x1.ac7858539e493p-5)), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.e199c62156609p-5, x, -0x1.110e84aa36d9dp-4), (x * x), FL_FMA_f64(0x1.3b1392a9c2d8bp-4, x, -0x1.745d165c497f3p-4))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64(0x1.c71c71c2fc236p-4, x, -0x1.249249248d739p-3), (x * x), FL_FMA_f64(0x1.9999999999952p-3, x, -0x1.5555555555555p-2)))
#define FL_LGAMMA1P_A_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(-0x1.0467902760469p-17, x, 0x1.9759e019683d0p-17), ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(-0x1.18598e23bb974p-17, x, 0x1.ba730a9784e07p-17), (x * x), FL_FMA_f64(-0x1.c85e4bc95846cp-16, x, 0x1.68f13e0fbb796p-15))), (((x * x) * (x * x)) * ((x * x) * (x * x))), \
        FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(-0x1.156abea920aefp-14, x, 0x1.b9e43433855c2p-14), (x * x), FL_FMA_f64(-0x1.623f109df00eep-13, x, 0x1.1c7e3a261c9ebp-12)), ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(-0x1.cb44dee9fac00p-12, x, 0x1.750a7900f071ep-11), (x * x), FL_FMA_f64(-0x1.313e8a3ddad6fp-10, x, 0x1.f814bab49d011p-10)))), (((x * x) * (x * x)) * ((x * x) * (x * x))), \
        FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(-0x1.a5035232a7d25p-9, x, 0x1.64f0664c4f943p-8), (x * x), FL_FMA_f64(-0x1.34dbda14971e2p-7, x, 0x1.133423527f1f2p-6)), ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(-0x1.007aa83cee1acp-5, x, 0x1.01af62a2929c0p-4), (x * x), FL_FMA_f64(-0x1.2aed059bd608ap-3, x, 0x1.eeb95b094c191p-2))))
#define FL_LGAMMA1P_B_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.0d1b570705cb4p-38, x, -0x1.a5bb321744f85p-37), ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(0x1.244e26e26c1bcp-36, x, -0x1.cec5fc4bafc43p-35), (x * x), FL_FMA_f64(0x1.dd603a97d50d3p-33, x, -0x1.7b0be6c59dee0p-31))), (((x * x) * (x * x)) * ((x * x) * (x * x))), \
        FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.24eb56fdbb146p-29, x, -0x1.d56033e6d8ceap-28), (x * x), FL_FMA_f64(0x1.7b09e80f9eb64p-26, x, -0x1.333be111be6a3p-24)), ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(0x1.f5d5153315ba0p-23, x, -0x1.9dc61ce56cb9cp-21), (x * x), FL_FMA_f64(0x1.5934907270ba7p-19, x, -0x1.245ad02212781p-17)))), (((x * x) * (x * x)) * ((x * x) * (x * x))), \
        FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.f903580ca4f18p-16, x, -0x1.bfe2067563d29p-14), (x * x), FL_FMA_f64(0x1.9c394c61f6545p-12, x, -0x1.90bbdd3858f9dp-10)), ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(0x1.a8f7a26d75c68p-8, x, -0x1.0789a24308237p-5), (x * x), FL_FMA_f64(0x1.d64c012583fdfp-3, x, 0x1.62e42fefa39efp-1))))
#define FL_LGAMMA1P_C_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.c9151c2e00663p-56, ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(-0x1.6a86c68247b49p-53, x, 0x1.155130f952ceep-51), (x * x), FL_FMA_f64(-0x1.bf77acde9ba1fp-49, x, 0x1.bf985a6c38cb9p-46))), (((x * x) * (x * x)) * ((x * x) * (x * x))), \
        FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(-0x1.6bdf45d7cc7b1p-43, x, 0x1.237216e9ef229p-40), (x * x), FL_FMA_f64(-0x1.e24c50d49e692p-38, x, 0x1.9417fa75b5d16p-35)), ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(-0x1.567fb96ebd8b9p-32, x, 0x1.27058b1ecaa86p-29), (x * x), FL_FMA_f64(-0x1.035978b2f1c88p-26, x, 0x1.d3f25a3e497d2p-24)))), (((x * x) * (x * x)) * ((x * x) * (x * x))), \
        FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(-0x1.b4c58ef81573fp-21, x, 0x1.ab0713fafef48p-18), (x * x), FL_FMA_f64(-0x1.be37a8975cc85p-15, x, 0x1.0262026c6cff2p-11)), ((x * x) * (x * x)), FL_FMA_f64(FL_FMA_f64(-0x1.6626bc9b3221ep-8, x, 0x1.735973273d5ebp-4), (x * x), FL_FMA_f64(0x1.b4c420a50ad7cp+0, x, 0x1.326643c4479c9p+2))))
#define FL_LGAMMA_STIRLING_f64(x) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(0x1.4bffc9d8b455bp-8, (x * x), \
        FL_FMA_f64(-0x1.ef8d748aeb0f2p-10, x, 0x1.b92c33f9445e5p-11)), (x * x), \
        FL_FMA_f64(-0x1.38134d4f8896fp-11, x, 0x1.a01a017dcf9e1p-11)), (x * x), \
        FL_FMA_f64(-0x1.6c16c16c149f4p-9, x, 0x1.5555555555555p-4))
#define FL_EXPM1_TAILS_TERMS_f64 14
#define FL_EXPM1_TAILS_f64(x, w) \
    FL_FMA_f64(FL_FMA_f64(FL_FMA_f64(FL_FMA_f64((0x1.b41232cf9950fp-41 * w[13]), x, (0x1.99848a67700e4p-37 * w[12])), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64((0x1.611cb330c1fe8p-33 * w[11]), x, (0x1.1ee5640e638a2p-29 * w[10])), (x * x), FL_FMA_f64((0x1.ae6460fae3728p-26 * w[9]), x, (0x1.27e5069de9344p-22 * w[8])))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64((0x1.71de3a4e14f40p-19 * w[7]), x, (0x1.a01a01907b7eep-16 * w[6])), (x * x), FL_FMA_f64((0x1.a01a01a01ee70p-13 * w[5]), x, (0x1.6c16c16c212c0p-10 * w[4])))), ((x * x) * (x * x)), \
        FL_FMA_f64(FL_FMA_f64((0x1.11111111110fdp-7 * w[3]), x, (0x1.5555555555502p-5 * w[2])), (x * x), FL_FMA_f64((0x1.5555555555555p-3 * w[1]), x, (0x1.0000000000000p-1 * w[0]))))
#define FL_EXP_ODD_f64(x) FL_FMA_f64(x, (x + 0x1.a4462dda3bfe8p+8), 0x1.d8dc1f253796cp+13)
#define FL_EXP_EVEN_f64(x) FL_FMA_f64(FL_FMA_f64(0x1.e0382078886a1p+4, x, \
        0x1.a44ef58f5eb0fp+11), x, \
        0x1.d8dc1f253796cp+14)
#define FL_TWO_OVER_TWO_PLUS_f64(x) \
    FL_FMA_f64(FL_FMA_f64(0x1.deab9f5bac12fp-3, x, \
        -0x1.051cc46487751p-1), x, \
        0x1.0029d8480f162p+0)

#endif
