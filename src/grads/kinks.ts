import { engine, type NamedTensorMap, Tensor, tidy, type Variable } from '@tensorflow/tfjs-core'
import { still } from './hessian-product.ts'

/** Kernels whose slope jumps somewhere. */
const kinked = new Set([
  ...['Relu', 'Relu6', 'LeakyRelu', 'Prelu', 'Selu', 'Abs', 'Maximum', 'Minimum', 'Max', 'Min', 'MaxPool', 'MaxPool3D'],
  ...['Sign', 'Step', 'Floor', 'FloorDiv', 'Ceil', 'Round', 'Mod', 'FloorMod', 'Select', 'TopK', 'Dilation2D'],
])

/** Activations that tfjs fuses into the kernel before them. */
const fused = new Set(['relu', 'relu6', 'leakyrelu', 'prelu'])

type Attributes = Record<string, unknown> | null | undefined

/** A kernel that has run on what depends on the variables. */
interface Run {
  readonly name: string
  readonly inputs: readonly number[]
}

/**
 * Names of what has kinks among the kernels that `f` runs on anything that depends on the variables: a second derivative
 * does not see those. Kinks that only keep numbers in range, and cancel, are none.
 */
export function kinksOf(variables: readonly Variable[], f: () => unknown): string[] {
  const trail = new Trail(variables)
  const target = engine() as unknown as { runKernel(name: string, inputs: object, attributes?: Attributes): unknown }
  const { runKernel } = target
  let depth = 0
  target.runKernel = (name, inputs, attributes) => {
    depth++
    try {
      const out = runKernel.call(target, name, inputs, attributes)
      // What a backend makes a kernel from is its own affair.
      if (depth === 1) trail.add(name, inputs as NamedTensorMap, attributes, out as Tensor | Tensor[])
      return out
    } finally {
      depth--
    }
  }
  try {
    still(variables, () => tidy(() => void f()))
  } finally {
    target.runKernel = runKernel
  }
  return trail.kinks
}

/** What became of the variables, by the numbers of tensors. */
class Trail {
  /** What has made each tensor that depends on the variables. */
  readonly #made: Map<number, Run>
  /** Kinks, as kernel and number of the first input. */
  readonly #found = new Set<string>()
  readonly #cancelled = new Set<string>()

  constructor(variables: readonly Variable[]) {
    this.#made = new Map(variables.map(({ id }) => [id, { name: '', inputs: [] }]))
  }

  get kinks(): string[] {
    const left = [...this.#found].filter((one) => !this.#cancelled.has(one))
    return [...new Set(left.map((one) => one.split(' ')[0]!))]
  }

  add(name: string, given: NamedTensorMap, attributes: Attributes, out: Tensor | Tensor[]): void {
    const tensors = Object.values(given).filter((one) => one instanceof Tensor)
    const inputs = tensors.map(({ id }) => id)
    if (!inputs.some((id) => this.#made.has(id))) return
    for (const { id } of [out].flat()) this.#made.set(id, { name, inputs })
    if (this.#hasKink(name, given, attributes)) this.#found.add(`${name} ${inputs[0]}`)
    if (name === 'Exp') this.#cancel(inputs[0]!)
  }

  #hasKink(name: string, given: NamedTensorMap, attributes: Attributes): boolean {
    if (name === 'ClipByValue') {
      // A loss that keeps off log 0 clips where no sane probability is.
      const { clipValueMin, clipValueMax } = attributes as { clipValueMin: number; clipValueMax: number }
      return !(tiny(clipValueMin) && clipValueMax >= 1 - 1e-5)
    }
    // Which branch is taken may be the same everywhere.
    if (name === 'Select') return this.#made.has(given.condition!.id)
    if (name === 'Maximum') {
      const bound = [given.a!, given.b!].find(({ id }) => !this.#made.has(id))
      return !bound?.dataSync().every(tiny)
    }
    return kinked.has(name) || fused.has(String(attributes?.activation))
  }

  /** exp(x − max x) and relu(z) … exp(−|z|) are how log-sum-exp and softplus keep off overflow: they have no kinks. */
  #cancel(id: number): void {
    const of = (one: number | undefined, name: string) => {
      const made = this.#made.get(one ?? -1)
      return made?.name === name ? made.inputs : undefined
    }
    const [x, shift] = of(id, 'Sub') ?? []
    if (x !== undefined && of(shift, 'Max')?.[0] === x) this.#cancelled.add(`Max ${x}`)
    const z = of(of(id, 'Neg')?.[0], 'Abs')?.[0]
    if (z !== undefined && this.#found.has(`Relu ${z}`))
      for (const name of ['Relu', 'Abs']) this.#cancelled.add(`${name} ${z}`)
  }
}

/** Only there to keep off 0. */
function tiny(bound: number): boolean {
  return bound > 0 && bound <= 1e-5
}
