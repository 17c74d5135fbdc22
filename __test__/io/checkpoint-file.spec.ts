import { createHash } from 'node:crypto'
import test from 'ava'
import { type CheckpointContent, decodeCheckpoint, encodeCheckpoint } from '../../src/io/checkpoint-file.ts'
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.ts'

const float = (name: string, ...values: number[]) => ({
  ...{ name, dtype: 'float32' as const, shape: [values.length] },
  bytes: new Uint8Array(Float32Array.from(values).buffer),
})
const content: CheckpointContent = {
  epoch: 3,
  batch: 17,
  optimizer: { className: 'SaltflatOptimizer', config: { settings: '7b7d' } },
  trained: [1, 0],
  weights: [float('dense/kernel', 1, 2), float('dense/kernel', 3)],
  state: [float('iter', 4), float('saltflat/moment0/0', 5, 6)],
}
const file = encodeCheckpoint(content)
const plain = ({ weights, state, ...rest }: CheckpointContent) => ({
  ...rest,
  ...{ weights: weights.map((one) => ({ ...one, bytes: [...one.bytes] })) },
  ...{ state: state.map((one) => ({ ...one, bytes: [...one.bytes] })) },
})

test('what is written is read again, also where names come twice, and other readers of the format can', (t) => {
  t.deepEqual(plain(decodeCheckpoint(file)), plain(content))
  t.deepEqual(
    decodeSafetensors(file).tensors.map(({ name }) => name),
    ['model/0/dense/kernel', 'model/1/dense/kernel', 'optimizer/0/iter', 'optimizer/1/saltflat/moment0/0'],
  )
})

test('names may have any character, a newline too', (t) => {
  const odd = { ...content, weights: [float('one\ntwo', 1)], state: [float('\u2028/é', 2)] }
  t.deepEqual(plain(decodeCheckpoint(encodeCheckpoint(odd))), plain(odd))
})

test('the checksum is that of the file with zeros in its place', (t) => {
  const { checksum } = decodeSafetensors(file).metadata
  const zeroed = Buffer.from(file)
  zeroed.write('0'.repeat(64), file.indexOf(checksum!))
  t.is(createHash('sha256').update(zeroed).digest('hex'), `${checksum}`)
})

test('every bit that flips, every length that is cut and every byte too many is refused', (t) => {
  const refused = (bytes: Buffer) => t.throws(() => decodeCheckpoint(bytes), { code: 'ERR_STATE' })
  for (let i = 0; i < file.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(file)
      flipped[i]! ^= 1 << bit
      refused(flipped)
    }
    refused(file.subarray(0, i))
  }
  refused(Buffer.concat([file, Buffer.of(0)]))
  refused(Buffer.concat([file, file]))
})

/** A file whose checksum is right, with other metadata. */
function resealed(metadata: Record<string, string>): Buffer {
  const { checkpoint, format, version } = decodeSafetensors(file).metadata as Record<string, string>
  const all = { checksum: '0'.repeat(64), format: format!, version: version!, checkpoint: checkpoint!, ...metadata }
  const made = encodeSafetensors([], all)
  made.write(createHash('sha256').update(made).digest('hex'), made.indexOf('0'.repeat(64)))
  return made
}

test('another version, another format, or a place that is none is refused', (t) => {
  t.is(decodeCheckpoint(resealed({})).epoch, 3)
  const place = (changed: object) => ({
    checkpoint: JSON.stringify({ epoch: 1, batch: 0, optimizer: content.optimizer, trained: [], ...changed }),
  })
  for (const metadata of [
    { version: '2' },
    { format: 'another' },
    { checkpoint: '' },
    { checkpoint: 'null' },
    place({ epoch: -1 }),
    place({ batch: 0.5 }),
    place({ optimizer: null }),
    place({ trained: null }),
    place({ trained: ['0'] }),
    place({ optimizer: { className: 7, config: {} } }),
  ]) {
    t.throws(() => decodeCheckpoint(resealed(metadata)), { code: 'ERR_STATE', message: /^Expected .+, received .+\.$/ })
  }
})

test('a tensor of float64, which tfjs has not, is refused', (t) => {
  const wide = { ...content, weights: [{ ...float('wide', 1, 2), dtype: 'float64', shape: [1] }] } as never
  t.throws(() => decodeCheckpoint(encodeCheckpoint(wide)), {
    code: 'ERR_STATE',
    message: /float64 in 'model\/0\/wide'/,
  })
})
