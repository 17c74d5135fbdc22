import { engine, type NamedTensorMap } from '@tensorflow/tfjs-core'

/** The inputs in which a kernel has a derivative other than 0; for a kernel that is not listed, all. */
const inputs: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    [
      ...['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr', 'LogicalNot'],
      ...['Step', 'Sign', 'Floor', 'Ceil', 'Round', 'ZerosLike', 'OnesLike'],
    ].map((name) => [name, []]),
  ),
  Select: ['t', 'e'],
  ...Object.fromEntries(
    [
      ...['MaxPoolGrad', 'MaxPool3DGrad', 'AvgPoolGrad', 'AvgPool3DGrad'],
      ...['ResizeBilinearGrad', 'ResizeNearestNeighborGrad'],
    ].map((name) => [name, ['dy']]),
  ),
}

interface Node {
  readonly kernelName: string
  inputs: NamedTensorMap
}

/** How long the tape is. */
export function tapeLength(): number {
  return tape().length
}

/**
 * Takes the inputs with a derivative of 0 off the tape from place `from` on, so that the backward pass through them, of
 * zeros as large as the activations, is not run. Only for a caller who takes a missing gradient for 0.
 */
export function dropZeros(from: number): void {
  for (const node of tape().slice(from)) {
    const chosen = inputs[node.kernelName]
    if (chosen === undefined) continue
    node.inputs = Object.fromEntries(Object.entries(node.inputs).filter(([name]) => chosen.includes(name)))
  }
}

function tape(): readonly Node[] {
  return (engine().state as unknown as { activeTape: Node[] | null }).activeTape ?? []
}
