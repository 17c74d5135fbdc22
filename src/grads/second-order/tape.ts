import { engine, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core'

/** One call of the engine's `addTapeNode`. */
type TapeNode = [
  kernelName: string,
  inputs: NamedTensorMap,
  outputs: Tensor[],
  gradient: ((dy: Tensor, saved: Tensor[]) => Record<string, () => Tensor>) | null,
  saved: Tensor[],
  attributes: object,
]

/** What `tf.customGrad` hands to the engine. */
interface CustomGradient {
  readonly kernelName?: string
  readonly forwardFunc: (backend: unknown, save: (tensors: Tensor[]) => void) => Tensor | Tensor[]
  readonly backwardsFunc: TapeNode[3]
  readonly inputs: NamedTensorMap
  readonly attrs: object
}

/** What this file uses of tfjs's engine. */
interface Engine {
  readonly state: { kernelDepth: number; gradientDepth: number }
  readonly backend: unknown
  isTapeOn(): boolean
  addTapeNode(...node: TapeNode): void
  runKernelFunc(call: CustomGradient): Tensor | Tensor[]
  runKernel(name: string, inputs: object): Tensor
  tidy<T>(f: () => T): T
  keep(one: Tensor): Tensor
  clone(one: Tensor): Tensor
}

/**
 * Repairs, until undone, the two orders in which tfjs writes its tape wrongly for a second derivative.
 *
 * A kernel that saves its output for the backward pass writes the copy's node before its own, so the copy looks as if it
 * came from nowhere: exp, tanh, sigmoid, softmax. Here the copy's node waits for the kernel's.
 *
 * What `tf.customGrad` computes inside is not on the tape, so what it saves looks constant: softmax cross-entropy, fused
 * layers. Here it is on the tape, and the value that comes out is cut off from it, so that the first derivative still is
 * the one given.
 */
export function repairTape(): () => void {
  const target = engine() as unknown as Engine
  const { addTapeNode, runKernelFunc } = target
  const waiting: TapeNode[] = []
  target.addTapeNode = (name, inputs, ...rest) => {
    // A fused kernel is on the tape now too, and the tape cannot read an input that is not given.
    const given = Object.entries(inputs).filter(([, one]) => one !== undefined)
    const node: TapeNode = [name, Object.fromEntries(given), ...rest]
    if (target.state.kernelDepth > 0) {
      waiting.push(node)
      return
    }
    addTapeNode.apply(target, node)
    for (const one of waiting.splice(0)) addTapeNode.apply(target, one)
  }
  target.runKernelFunc = (call) =>
    call.kernelName === undefined && target.isTapeOn() ? custom(target, call) : runKernelFunc.call(target, call)
  return () => {
    target.addTapeNode = addTapeNode
    target.runKernelFunc = runKernelFunc
  }
}

function custom(target: Engine, { forwardFunc, backwardsFunc, inputs, attrs }: CustomGradient): Tensor | Tensor[] {
  let saved: Tensor[] = []
  const out = target.tidy(() =>
    forwardFunc(target.backend, (tensors) => {
      // As inside a kernel, where a copy is one node; outside it would be two, and count twice.
      saved = tensors.map((one) => target.keep(inKernel(target, () => target.clone(one))))
    }),
  )
  const outputs = (Array.isArray(out) ? out : [out]).map((one) => cutOff(target, one))
  target.addTapeNode('customGrad', inputs, outputs, backwardsFunc, saved, attrs)
  return Array.isArray(out) ? outputs : outputs[0]!
}

/** The same values without a past. */
function cutOff(target: Engine, one: Tensor): Tensor {
  return inKernel(target, () => target.runKernel('Identity', { x: one }))
}

function inKernel<T>(target: Engine, f: () => T): T {
  target.state.kernelDepth++
  try {
    return f()
  } finally {
    target.state.kernelDepth--
  }
}
