import type { Tensor, Variable } from '@tensorflow/tfjs-core'

type Assign = (this: Variable, value: Tensor) => void
type Intercept = (variable: Variable, value: Tensor, assign: Assign) => void

/** What becomes of an assignment at the moment; null: what tfjs makes of it. */
let intercept: Intercept | null = null
const watched = new WeakSet<object>()

const ignore: Intercept = () => {}

/**
 * Lets `intercept` see the assignments to variables of a class. Once for good and not a pass at a time: to V8 each change
 * of a prototype makes whatever used it slow again.
 */
function watch(prototype: { assign: Assign }): void {
  if (watched.has(prototype)) return
  const { assign } = prototype
  prototype.assign = function (value) {
    if (intercept === null) assign.call(this, value)
    else intercept(this, value, assign)
  }
  watched.add(prototype)
}

/**
 * Assignments that a loss makes while it runs (BatchNorm moves its statistics so) must happen once a step, not once a
 * pass, and not at all in a step that fails.
 */
export class SideEffects {
  readonly #before: { variable: Variable; value: Tensor }[] = []

  readonly #variables: readonly Variable[]

  constructor(variables: readonly Variable[]) {
    this.#variables = variables
  }

  /** Runs a pass whose assignments are ignored (`moving` false), or made and remembered. */
  during<T>(moving: boolean, f: () => T): T {
    // The class of the variables' own tfjs-core, should there be several copies.
    watch(Object.getPrototypeOf(this.#variables[0]))
    const outer = intercept
    intercept = moving ? this.#remember : ignore
    try {
      return f()
    } finally {
      intercept = outer
    }
  }

  readonly #remember: Intercept = (variable, value, assign) => {
    if (!this.#before.some((one) => one.variable === variable)) {
      const kept = variable.clone()
      // What `keep` does; but a failed pass gives back whatever was kept through it, and this must outlive that.
      kept.kept = true
      this.#before.push({ variable, value: kept })
    }
    assign.call(variable, value)
  }

  /** The step succeeded. */
  commit(): void {
    for (const { value } of this.#before) value.dispose()
    this.#before.length = 0
  }

  /** The step failed: everything as it was. */
  undo(): void {
    for (const { variable, value } of this.#before) if (!variable.isDisposed) variable.assign(value)
    this.commit()
  }
}
