import type { UpdateOptions } from './binding.d.ts'

/** Numbers of an update. */
const count = 14

/** An update as the addon's `finish` takes it: numbers in the order of its `updateFields`, and room for what it gives back. */
export class Update {
  readonly numbers: Float64Array
  /** U·(g⁺ − g⁻) of each tensor, as the last `finish` of a pair has left them. */
  readonly dots: Float64Array

  constructor(tensors: number) {
    this.numbers = new Float64Array(count + tensors)
    this.dots = this.numbers.subarray(count)
  }

  /** Takes over an update; returns what `finish` is to be given. In a loop over names it would take microseconds more. */
  set(update: UpdateOptions): Float64Array {
    const { numbers } = this
    numbers[0] = update.last
    numbers[1] = update.pair
    numbers[2] = update.sum
    numbers[3] = update.scale
    numbers[4] = update.paired
    numbers[5] = update.clipNorm
    numbers[6] = update.clipValue
    numbers[7] = update.first
    numbers[8] = update.lastOf
    numbers[9] = update.learningRate
    numbers[10] = update.beta1
    numbers[11] = update.beta2
    numbers[12] = update.epsilon
    numbers[13] = update.step
    return numbers
  }
}
