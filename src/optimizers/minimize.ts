import { SaltflatError } from '../errors.ts'
import type { Evaluation } from '../grads/evaluate.ts'
import { checkStart, evaluateVector, type VectorGradient } from '../grads/vector-gradient.ts'
import { fromNative } from '../native/index.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import { Vector } from '../params/vector.ts'
import { Turns } from '../turns.ts'
import type { FlatOptimizer } from './optimizer.ts'
import type { Oracle } from './oracle.ts'
import type { Training } from './training.ts'

/** What `onStep` is told. */
export interface StepReport {
  /** Steps taken in this call: 1, 2, 3, … */
  readonly step: number
  /** Mean loss over the passes of this step; null where the gradient function says none. */
  readonly loss: number | null
  /** A copy of x after this step, made when it is read: read it before `onStep` returns, or leave it and pay nothing. */
  readonly x: Float32Array
}

/** Options of `minimize`. */
export interface MinimizeOptions {
  /** Steps to take: a whole number ≥ 1. With `accumulation` a step is one micro-batch. */
  steps: number
  /** Stops before the next step; the error then carries what there is. */
  signal?: AbortSignal | undefined
  /** Called after every step; a Promise is waited for. What it throws ends the run, and is thrown on as it is. */
  onStep?: ((report: StepReport) => void | Promise<void>) | undefined
}

/** What `minimize` gives, or has got so far. */
export interface MinimizeResult {
  /** x after the last whole step: a fresh array. */
  readonly x: Float32Array
  /** Whole steps taken in this call. */
  readonly steps: number
  /** Mean loss over the passes of the last whole step; null before it, and where the gradient function says none. */
  readonly loss: number | null
  /** Calls of the gradient function. */
  readonly gradients: number
}

/** Why `minimize` stopped early: a SaltflatError with what it has got so far. */
export class MinimizeError extends SaltflatError {
  /** What there is after the last whole step. */
  readonly partial: MinimizeResult

  /** @internal */
  constructor({ code, message, cause }: SaltflatError, partial: MinimizeResult) {
    super(code, message, { cause })
    this.partial = partial
  }
}

/** Optimizers at work: a run is many calls, and two would mix their steps. */
const running = new WeakSet<Training>()

/**
 * Minimizes a function of a plain Float32Array by any of our optimizers, without tfjs tensors or a tfjs backend:
 *
 * x ← base(x, estimate of ∇f around x), `steps` times.
 *
 * The vector is one tensor, number 0 and named 'x': element i of its noise is that of the flat index. The optimizer holds
 * the state, as it does for a model: `curvature`, `iterations`, `getWeights` and `setWeights` (which alone need a tfjs
 * backend, for what they exchange are tensors) and `dispose` serve as usual, and a further call with a vector of the same
 * length goes on from that state at the x0 it is given. Math.random inside the gradient function is replaced as inside a
 * model: seeded, and alike in both halves of a pair.
 *
 * `passesPerStep` calls of the gradient function a step; memory: two copies of x and that of the optimizer. x0 is never
 * written. Rejects with ERR_INVALID_ARGUMENT, ERR_DTYPE, ERR_EMPTY, ERR_NOT_FINITE, ERR_SHARED, ERR_DETACHED for its
 * arguments, ERR_STATE for an optimizer that trains something else or is at work, ERR_UNSUPPORTED for a wrapped stock
 * optimizer, which updates variables only. Once it runs, with a `MinimizeError` whose `partial` is what there is after the
 * last whole step: ERR_ABORTED, ERR_LOSS (the gradient function threw), ERR_SHAPE, ERR_DTYPE, ERR_NOT_FINITE, ERR_SHARED,
 * ERR_DETACHED; the failed step has changed nothing, and the optimizer can go on from there.
 *
 * @example
 * // f(x) = ‖x‖²/2, whose gradient is x itself.
 * const gradient = (x: Float32Array) => ({ loss: x.reduce((sum, one) => sum + one * one, 0) / 2, gradient: x.slice() })
 * const optimizer = nso(adam({ learningRate: 0.01 }), { sigma: 0.1, seed: 7 })
 * const { x, gradients } = await minimize(gradient, Float32Array.of(1, 2, 3), optimizer, { steps: 1000 })
 * console.log(gradients, x.every((one) => Math.abs(one) < 0.01)) // → 2000 true
 */
export async function minimize(
  gradient: VectorGradient,
  x0: Float32Array,
  optimizer: FlatOptimizer,
  options: MinimizeOptions,
): Promise<MinimizeResult> {
  const { steps, signal, onStep } = checked(gradient, x0, optimizer, options)
  const { training } = optimizer
  if (running.has(training)) {
    throw new SaltflatError(
      'ERR_STATE',
      'Expected one minimize at a time, received a second one with the same optimizer. Await the first, or make another.',
    )
  }
  running.add(training)
  try {
    const run = new Run(gradient, x0, optimizer)
    const turns = new Turns()
    while (run.steps < steps) {
      if (signal?.aborted) throw run.stopped(aborted(signal, run.steps, steps))
      run.step()
      const wait = onStep?.(run.report())
      if (wait !== undefined) await wait
      await turns.take()
    }
    return run.result()
  } finally {
    running.delete(training)
  }
}

/** One call of `minimize`, and where its gradients come from. */
class Run implements Oracle<Float32Array> {
  readonly update = null
  steps = 0
  readonly #gradient: VectorGradient
  readonly #optimizer: FlatOptimizer
  readonly #vector: Vector
  #loss: number | null = null
  #calls = 0

  constructor(gradient: VectorGradient, x0: Float32Array, optimizer: FlatOptimizer) {
    this.#gradient = gradient
    this.#optimizer = optimizer
    this.#vector = optimizer.training.hold(new Vector(x0))
  }

  step(): void {
    let loss: number
    try {
      loss = this.#optimizer.training.step(this.#vector, this)
    } catch (error) {
      throw this.stopped(fromNative(error))
    }
    this.steps++
    this.#loss = Number.isNaN(loss) ? null : loss
  }

  report(): StepReport {
    const copy = () => this.#copy()
    return {
      step: this.steps,
      loss: this.#loss,
      get x() {
        return copy()
      },
    }
  }

  result(): MinimizeResult {
    return { x: this.#copy(), steps: this.steps, loss: this.#loss, gradients: this.#calls }
  }

  /** Of an update that a panic has cut short there is nothing to hand over. */
  stopped(error: SaltflatError): SaltflatError {
    try {
      return new MinimizeError(error, this.result())
    } catch {
      return error
    }
  }

  evaluate(part: number): Evaluation<Float32Array> {
    this.#calls++
    return evaluateVector(this.#gradient, this.#vector.current, part)
  }

  settle(): void {}

  around(run: () => void): void {
    run()
  }

  commit(): void {}

  undo(): void {}

  /** W as it is now; of an optimizer that `onStep` has disposed, the values of its last step. */
  #copy(): Float32Array {
    const held = this.#optimizer.disposed ? undefined : this.#optimizer.training.weights
    return held?.copy()[0] ?? this.#vector.current.slice()
  }
}

function checked(
  gradient: unknown,
  x0: unknown,
  optimizer: FlatOptimizer,
  options: MinimizeOptions,
): Required<MinimizeOptions> {
  if (typeof gradient !== 'function') throw invalid('a function that gives the gradient', gradient)
  checkStart(x0)
  if ((optimizer as Partial<FlatOptimizer> | null)?.settings === undefined) {
    throw invalid('an optimizer such as nso(sgd())', optimizer)
  }
  const { foreign } = optimizer.settings.base
  if (foreign !== null) {
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Expected a base optimizer of saltflat for a plain vector, received tf.train's ${foreign.getClassName()}, which updates tf.Variables only. Take one of ours, such as sgd() or adam().`,
    )
  }
  knownKeys('the options of minimize', options, ['steps', 'signal', 'onStep'])
  const { steps, signal, onStep } = options
  whole('steps', steps, 1, Number.MAX_SAFE_INTEGER)
  if (signal !== undefined && typeof signal?.aborted !== 'boolean') throw invalid('an AbortSignal for signal', signal)
  if (onStep !== undefined && typeof onStep !== 'function') throw invalid('a function for onStep', onStep)
  return { steps, signal, onStep }
}

function aborted({ reason }: AbortSignal, taken: number, steps: number): SaltflatError {
  return new SaltflatError(
    'ERR_ABORTED',
    `Expected ${steps} steps, received an abort after ${taken}. What there is so far is the error's partial.`,
    { cause: reason },
  )
}
