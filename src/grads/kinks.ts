import { engine, tidy, type Variable } from '@tensorflow/tfjs-core'
import { still } from './hessian-product.ts'
import type { ModelLoss } from './model-loss.ts'

/** Kernels whose slope jumps somewhere. */
const kinked = new Set([
  ...['Relu', 'Relu6', 'LeakyRelu', 'Prelu', 'Selu', 'Abs', 'Maximum', 'Minimum', 'Max', 'Min', 'MaxPool', 'MaxPool3D'],
  ...['Sign', 'Step', 'Floor', 'Ceil', 'Round', 'Mod', 'FloorMod', 'Select', 'TopK', 'Dilation2D'],
])

/** Activations that tfjs fuses into the kernel before them. */
const fused = new Set(['relu', 'relu6', 'leakyrelu', 'prelu'])

/** Losses of tfjs with kinks. */
const kinkedLosses = new Set([
  ...['meanAbsoluteError', 'meanAbsolutePercentageError', 'hinge', 'squaredHinge', 'categoricalHinge'],
])

type Attributes = Record<string, unknown> | null | undefined

/** Names of what has kinks among the kernels that `f` runs: a second derivative does not see those. */
export function kinksOf(variables: readonly Variable[], f: () => unknown): string[] {
  const found = new Set<string>()
  const target = engine() as unknown as { runKernel(name: string, inputs: object, attributes?: Attributes): unknown }
  const { runKernel } = target
  target.runKernel = (name, inputs, attributes) => {
    if (hasKink(name, attributes)) found.add(name)
    return runKernel.call(target, name, inputs, attributes)
  }
  try {
    still(variables, () => tidy(() => void f()))
  } finally {
    target.runKernel = runKernel
  }
  return [...found]
}

/** The same of a model's losses, by their names. */
export function lossKinks({ kinds }: ModelLoss): string[] {
  return kinds.filter((kind): kind is string => kind !== null && kinkedLosses.has(kind))
}

function hasKink(name: string, attributes: Attributes): boolean {
  if (kinked.has(name)) return true
  if (name === 'ClipByValue') {
    // A loss that keeps off log 0 clips where no sane probability is.
    const { clipValueMin, clipValueMax } = attributes as { clipValueMin: number; clipValueMax: number }
    return !(clipValueMin > 0 && clipValueMin <= 1e-5 && clipValueMax >= 1 - 1e-5)
  }
  return fused.has(String(attributes?.activation))
}
