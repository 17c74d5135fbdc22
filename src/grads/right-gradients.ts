import {
  addN,
  type GradConfig,
  getGradient,
  type NamedAttrMap,
  pad,
  reverse,
  slice,
  type Tensor,
  tensor1d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core'

type Gradient = GradConfig['gradFunc']

/** One that tfjs-core 4.22 has wrong, and numbers on which its fault shows. */
interface Right {
  readonly kernel: string
  readonly gradient: Gradient
  readonly dy: readonly number[]
  readonly saved: readonly (readonly number[])[]
  readonly attributes: object
  /** What the faulty one says of the first input. */
  readonly fault: readonly number[]
}

/** Gradients for the faulty ones; their own gradients are right too. To add one, add a line. */
const table: readonly Right[] = [
  // tfjs-core leaves out the mirrored parts.
  {
    kernel: 'MirrorPad',
    gradient: (dy, [x], attributes) => ({
      x: () => {
        const { mode, paddings } = attributes as unknown as { mode: string; paddings: readonly [number, number][] }
        const edge = mode === 'reflect' ? 1 : 0
        return paddings.reduceRight((u, at, axis) => folded(u, axis, at, x!.shape[axis]!, edge), dy as Tensor)
      },
    }),
    ...{ dy: [1, 2, 4], saved: [[0, 0]], attributes: { mode: 'symmetric', paddings: [[1, 0]] }, fault: [2, 4] },
  },
  // It takes it for a division; it is constant almost everywhere.
  {
    kernel: 'FloorDiv',
    gradient: (_, [a, b]) => ({ a: () => zeros(a!.shape), b: () => zeros(b!.shape) }),
    ...{ dy: [1], saved: [[3], [2]], attributes: {}, fault: [0.5] },
  },
]

/** Whether a gradient that is registered has the fault: another one, of a later tfjs or the user's own, is left alone. */
const faulty = new WeakMap<Gradient, boolean>()

/** Of each row: the entry of tfjs' registry that has ours at this moment, and what was there. */
const places = table.map((): { config: GradConfig | undefined; stock: Gradient | undefined } => ({
  config: undefined,
  stock: undefined,
}))

/** Whether they are there at this moment. */
let installed = false

/**
 * Runs `f` with right gradients in the place of wrong ones, and puts back what was there, also after a throw. Calls nest and
 * the inner ones cost nothing, so wrap a whole step rather than each pass.
 */
export function withRightGradients<T>(f: () => T): T {
  if (installed) return f()
  installed = true
  try {
    for (let i = 0; i < table.length; i++) {
      const config = getGradient(table[i]!.kernel)
      const stock = config?.gradFunc
      const place = places[i]!
      if (stock === undefined || !hasFault(stock, table[i]!)) continue
      place.config = config
      place.stock = stock
      config!.gradFunc = table[i]!.gradient
    }
    return f()
  } finally {
    installed = false
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!
      if (place.config !== undefined) place.config.gradFunc = place.stock!
      place.config = undefined
    }
  }
}

function hasFault(gradient: Gradient, { dy, saved, attributes, fault }: Right): boolean {
  const known = faulty.get(gradient)
  if (known !== undefined) return known
  const found = tidy(() => {
    const inputs = saved.map((one) => tensor1d([...one]))
    const found = gradient(tensor1d([...dy]), inputs, attributes as NamedAttrMap)
    return [...Object.values(found)[0]!().dataSync()]
  })
  const has = found.length === fault.length && found.every((value, i) => Math.abs(value - fault[i]!) < 1e-6)
  faulty.set(gradient, has)
  return has
}

/** Takes back the padding of an axis: what mirrors of an element have got is its own. */
function folded(
  u: Tensor,
  axis: number,
  [before, after]: readonly [number, number],
  length: number,
  edge: number,
): Tensor {
  const part = (begin: number, size: number) => {
    const [from, sizes] = [u.shape.map(() => 0), [...u.shape]]
    from[axis] = begin
    sizes[axis] = size
    return slice(u, from, sizes)
  }
  const mirror = (begin: number, size: number, at: number) => {
    if (size === 0) return []
    const around = u.shape.map((_, i): [number, number] => (i === axis ? [at, length - at - size] : [0, 0]))
    return [pad(reverse(part(begin, size), axis), around)]
  }
  return addN([
    part(before, length),
    ...mirror(0, before, edge),
    ...mirror(before + length, after, length - edge - after),
  ])
}
