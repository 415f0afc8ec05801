// Numbers as Python and NumPy have them: kernelValues. An int is a number of JavaScript, every other number is a Scalar.
"use strict";

const kernelValues = (() => {
  // A float of Python, or a scalar of NumPy: its value, and its type by name.
  class Scalar {
    constructor(value, type) {
      this.value = type === "float32" ? Math.fround(value) : value;
      this.type = type;
    }
  }
  const isFloat = type => type.startsWith("float");
  const isWhole = type => type === "int" || type === "bool" || /^u?int\d+$/.test(type);
  const valueOf = x => x instanceof Scalar ? x.value : typeof x === "boolean" ? Number(x) : x;
  const typeOf = x => x instanceof Scalar ? x.type : typeof x === "boolean" ? "bool" : "int";
  const isNumber = x => x instanceof Scalar || typeof x === "number" || typeof x === "boolean";

  // An int of Python takes part as it is, an element of an array keeps its dtype, and mixtures become what NumPy makes of them:
  // Python's own numbers follow the array's type, whole numbers of an array and float32 meet in float64.
  function common(a, b) {
    const [x, y] = [typeOf(a), typeOf(b)].map(type => type === "bool" ? "int" : type);
    if (x === y) return x;
    const types = [x, y];
    if (types.includes("float64")) return "float64";
    const weak = types.find(type => type === "int" || type === "float"), other = types.find(type => type !== weak);
    if (types.includes("int") && types.includes("float")) return "float";
    if (weak) return weak === "float" && !isFloat(other) ? "float64" : other;
    return types.some(isFloat) ? "float64" : "int64";
  }
  const made = (value, type) => type === "int" ? value : new Scalar(value, type);

  // Whole numbers: beyond 2**53 a number of JavaScript skips some, and a smaller type of NumPy begins again at its other end.
  function fits(value, type, fail) {
    const bits = /^(u?)int(8|16|32)$/.exec(type), most = bits ? 2 ** (bits[2] - (bits[1] ? 0 : 1)) - 1 : Number.MAX_SAFE_INTEGER;
    const least = bits ? (bits[1] ? 0 : -most - 1) : -most;
    if (value < least || value > most) fail("OverflowError", bits ? `${value} does not fit into ${type}: it holds ${least} to ${most}` : `${value} is too large: whole numbers are exact here up to 2**53`);
    return value;
  }

  // A number as an element of an array with this dtype.
  function cast(x, type, fail) {
    const value = valueOf(x);
    if (type === "bool") return Boolean(value);
    if (isFloat(type)) return new Scalar(value, type);
    if (Number.isNaN(value)) fail("ValueError", "cannot convert float NaN to integer");
    return new Scalar(fits(Math.trunc(value), type, fail), type);
  }

  function remainder(x, y) {                            // has the sign of y
    const left = x % y;
    return left !== 0 && (left < 0) !== (y < 0) ? left + y : left === 0 ? (1 / y < 0 ? -0 : 0) : left;
  }
  const OPERATIONS = {
    "+": (x, y) => x + y, "-": (x, y) => x - y, "*": (x, y) => x * y, "/": (x, y) => x / y, "**": (x, y) => Math.pow(x, y),
    "//": (x, y) => Math.floor((x - remainder(x, y)) / y + 0.5), "%": remainder,
  };

  function whole(a, b, fail) {
    const array = [a, b].find(x => x?.kind === "array");
    if (array) fail("TypeError", `${array.label} is a whole array, and this line works with numbers: give it ${array.shape.length === 1 ? "an index" : "its indices"}`);
  }

  // `a sign b`. `fail(type, message)` throws the error that Python would raise.
  function arithmetic(sign, a, b, fail) {
    if (!isNumber(a) || !isNumber(b)) whole(a, b, fail);
    if (!isNumber(a) || !isNumber(b)) fail("TypeError", `unsupported operand type(s) for ${sign}: '${kind(a)}' and '${kind(b)}'`);
    let type = common(a, b);
    const x = valueOf(a), y = valueOf(b);
    if (isWhole(type)) {
      if (sign === "**" && y < 0) type = "float";
      if (sign === "/") type = type === "int" ? "float" : "float64";
      if ((sign === "//" || sign === "%") && y === 0) {
        if (type === "int") fail("ZeroDivisionError", sign === "%" ? "integer modulo by zero" : "integer division or modulo by zero");
        return made(0, type);
      }
      if (isWhole(type)) return made(fits(OPERATIONS[sign](x, y), type, fail) + 0, type);  // + 0: a whole number has no -0
    }
    if (type === "float" && y === 0 && ["/", "//", "%"].includes(sign)) {
      fail("ZeroDivisionError", sign === "%" ? "float modulo" : isWhole(typeOf(a)) && isWhole(typeOf(b)) ? "division by zero" : sign === "/" ? "float division by zero" : "float floor division by zero");
    }
    if (type === "float32") return new Scalar(OPERATIONS[sign](Math.fround(x), Math.fround(y)), type);
    return new Scalar(OPERATIONS[sign](x, y), type);
  }

  const COMPARED = {
    "<": (x, y) => x < y, ">": (x, y) => x > y, "<=": (x, y) => x <= y, ">=": (x, y) => x >= y, "==": (x, y) => x === y, "!=": (x, y) => x !== y,
  };
  function compare(sign, a, b, fail) {
    if (sign === "is" || sign === "is not") return (a === b || (isNumber(a) && isNumber(b) && valueOf(a) === valueOf(b))) === (sign === "is");
    if (sign === "in" || sign === "not in") {
      if (!Array.isArray(b)) fail("TypeError", `argument of type '${kind(b)}' is not iterable`);
      return b.some(part => compare("==", a, part, fail)) === (sign === "in");
    }
    if (!isNumber(a) || !isNumber(b)) {
      whole(a, b, fail);
      if (sign === "==" || sign === "!=") return (a === b) === (sign === "==");
      fail("TypeError", `'${sign}' not supported between instances of '${kind(a)}' and '${kind(b)}'`);
    }
    const single = common(a, b) === "float32" ? Math.fround : x => x;
    return COMPARED[sign](single(valueOf(a)), single(valueOf(b)));
  }

  const negative = x => typeof x === "boolean" ? -Number(x) + 0 : typeof x === "number" ? 0 - x : new Scalar(isFloat(x.type) ? -x.value : 0 - x.value, x.type);
  const truth = x => Array.isArray(x) ? x.length > 0 : isNumber(x) ? valueOf(x) !== 0 : Boolean(x);

  // The name of a value's type.
  function kind(x) {
    if (x === null) return "NoneType";
    if (Array.isArray(x)) return "tuple";
    if (typeof x === "string") return "str";
    if (isNumber(x)) return typeOf(x);
    return x?.kind ?? "object";
  }

  // ----------------------------------------------------------------------------------------------------------------- functions
  // The error function, after the rational approximations of W. J. Cody in the form that C libraries use: one interval each.
  const horner = (x, ...factors) => factors.reduceRight((sum, factor) => sum * x + factor, 0);
  function erf(x) {
    const size = Math.abs(x);
    if (Number.isNaN(x)) return x;
    if (size < 0.84375) {
      if (size < 2 ** -28) return x + 1.28379167095512586316e-01 * x;
      const z = x * x;
      const r = horner(z, 1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02, -5.77027029648944159157e-03, -2.37630166566501626084e-05);
      const s = horner(z, 1, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03, 1.32494738004321644526e-04, -3.96022827877536812320e-06);
      return x + x * (r / s);
    }
    const sign = Math.sign(x);
    if (size < 1.25) {
      const s = size - 1;
      const p = horner(s, -2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01, 3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02, -2.16637559486879084300e-03);
      const q = horner(s, 1, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02, 1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02);
      return sign * (8.45062911510467529297e-01 + p / q);
    }
    if (size >= 6) return sign;
    const s = 1 / (x * x);
    const near = size < 1 / 0.35;
    const r = near
      ? horner(s, -9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01, -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02, -8.12874355063065934246e+01, -9.81432934416914548592e+00)
      : horner(s, -9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01, -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03, -4.83519191608651397019e+02);
    const q = near
      ? horner(s, 1, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02, 6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02, 6.57024977031928170135e+00, -6.04244152148580987438e-02)
      : horner(s, 1, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03, 3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02, -2.24409524465858183362e+01);
    const z = new Float64Array([size]);
    new Uint32Array(z.buffer)[0] = 0;                   // the upper half of its bits: z * z is exact
    return sign * (1 - Math.exp(-z[0] * z[0] - 0.5625) * Math.exp((z[0] - size) * (z[0] + size) + r / q) / size);
  }
  const REAL = { erf, pow: Math.pow, copysign: (x, y) => (y < 0 || Object.is(y, -0) ? -1 : 1) * Math.abs(x) };
  for (const name of "exp log sqrt tanh sin cos tan sinh cosh expm1 log1p log2 log10 atan asin acos".split(" ")) REAL[name] = Math[name];
  REAL.fabs = Math.abs;

  return { Scalar, arithmetic, compare, negative, truth, cast, made, kind, valueOf, typeOf, isNumber, isFloat, REAL };
})();
