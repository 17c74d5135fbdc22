import test from 'ava'
import fc from 'fast-check'
import { adam, type FlatOptimizer, type NamedTensor, nso, sgd } from '../../../src/index.ts'
import { bits, tf } from '../../helpers/backends.ts'
import { leaving, outcome, runs } from '../../helpers/fuzz.ts'
import { World } from '../bad-input/case.ts'
import { damaged } from './damage.ts'

// Saved states: damaged words and vectors, lists cut off, doubled or out of order. Each is refused by type and changes
// nothing, or is taken to the bit: what is read back is what was written.

interface Saved {
  readonly name: string
  readonly dtype: 'int32' | 'float32'
  readonly bytes: Uint8Array
}

/** Optimizers whose states hold everything there is: moments, a bank in mid-update, W₀, curvature. */
const makes: readonly (() => FlatOptimizer)[] = [
  () => nso(adam({ amsgrad: true, accumulation: 3, distance: 0.1 }), { seed: 1 }),
  () => nso(sgd(), { seed: 2 }),
]

const bytesOf = (tensor: tf.Tensor) => new Uint8Array((tensor.dataSync() as Float32Array).slice().buffer)

/** What an optimizer saves, as bytes. */
async function save(optimizer: FlatOptimizer): Promise<Saved[]> {
  const weights = await optimizer.getWeights()
  return weights.map(({ name, tensor }) => ({ name, dtype: tensor.dtype as 'int32', bytes: bytesOf(tensor) }))
}

/** Tensors of such bytes. */
function tensors(saved: readonly Saved[]): NamedTensor[] {
  return saved.map(({ name, dtype, bytes }) => {
    const { buffer } = whole(bytes)
    const values = dtype === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer)
    // tfjs keeps its own count of iterations in a scalar.
    const single = name === 'iter' && values.length === 1
    return { name, tensor: single ? tf.scalar(values[0]!, 'int32') : tf.tensor1d(values, dtype) }
  })
}

/** What is over of a word is lost. */
const whole = (bytes: Uint8Array) => bytes.slice(0, bytes.length - (bytes.length % 4))

const text = (saved: readonly Saved[]) =>
  saved
    .slice(1)
    .map(({ name, bytes }) => `${name} ${Buffer.from(whole(bytes)).toString('hex')}`)
    .join('\n')

/** One tensor of a list is damaged, or the list itself. */
const change: fc.Arbitrary<(saved: Saved[]) => Saved[]> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.nat({ max: 1 }), damaged).map(([place, damage]) => at(1 - place, damage)) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(), damaged).map(([place, damage]) => at(place, damage)) },
  fc.nat().map((length) => (saved: Saved[]) => saved.slice(0, length % (saved.length + 1))),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([from, to]) =>
      (saved: Saved[]) =>
        saved.toSpliced(to % saved.length, 0, saved[from % saved.length]!),
  ),
  fc.nat().map((place) => (saved: Saved[]) => saved.toSpliced(place % saved.length, 1)),
)

function at(place: number, damage: (bytes: Uint8Array) => Uint8Array) {
  return (saved: Saved[]): Saved[] => {
    const which = place % saved.length
    return saved.with(which, { ...saved[which]!, bytes: damage(saved[which]!.bytes) })
  }
}

for (const make of makes) {
  test.serial(`damaged states of ${make()}, in mid-training`, async (t) => {
    await tf.setBackend('cpu')
    const world = new World()
    const optimizer = make()
    for (let step = 0; step < 5; step++) optimizer.minimize(world.loss, false, world.variables)
    const good = await save(optimizer)
    const codes = new Set<string | null>()
    let taken = 0
    const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), async (changes) => {
      const spoilt = changes.reduce((saved, one) => (saved.length === 0 ? saved : one(saved)), good)
      const before = [text(await save(optimizer)), world.variables.map(bits)].join()
      const code = await leaving(async () => {
        const state = tensors(spoilt)
        const came = await outcome(() => optimizer.setWeights(state))
        tf.dispose(state.map(({ tensor }) => tensor))
        return came
      })
      codes.add(code)
      const after = await save(optimizer)
      if (code !== null && [text(after), world.variables.map(bits)].join() !== before)
        throw new Error(`${code}, and it has changed`)
      if (code !== null) return
      taken++
      if (text(after) !== text(spoilt)) throw new Error(`taken: ${text(spoilt)}\nand it is\n${text(after)}`)
      await outcome(() => optimizer.minimize(world.loss, false, world.variables))
      const back = tensors(good)
      await optimizer.setWeights(back)
      tf.dispose(back.map(({ tensor }) => tensor))
    })
    await t.notThrowsAsync(fc.assert(property, runs(300)))
    t.true(codes.has('ERR_STATE') && taken > 0, `${[...codes]}, ${taken} taken`)
    optimizer.dispose()
    world.dispose()
  })
}
