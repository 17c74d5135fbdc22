import type { Tensor, Variable } from '@tensorflow/tfjs-core'

type Assign = (this: Variable, value: Tensor) => void

/**
 * Assignments that a loss makes while it runs (BatchNorm moves its statistics so) must happen once a step, not once a
 * pass, and not at all in a step that fails.
 */
export class SideEffects {
  readonly #variables: readonly Variable[]
  readonly #before: { variable: Variable; value: Tensor }[] = []

  constructor(variables: readonly Variable[]) {
    this.#variables = variables
  }

  /** Runs a pass whose assignments are ignored (`moving` false), or made and remembered. */
  during<T>(moving: boolean, f: () => T): T {
    // The class of the variables' own tfjs-core, should there be several copies.
    const prototype = Object.getPrototypeOf(this.#variables[0]) as { assign: Assign }
    const original = prototype.assign
    const before = this.#before
    prototype.assign = moving
      ? function (value) {
          if (!before.some(({ variable }) => variable === this)) {
            const value = this.clone()
            // What `keep` does; but a failed pass gives back whatever was kept through it, and this must outlive that.
            value.kept = true
            before.push({ variable: this, value })
          }
          original.call(this, value)
        }
      : () => {}
    try {
      return f()
    } finally {
      prototype.assign = original
    }
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
