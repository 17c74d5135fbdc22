import test from 'ava'
import { loadBinding, Update, type UpdateOptions } from '../../src/native/index.ts'
import { packed } from './packed.ts'

test('the numbers of an update are in the order of the addon, and room for a dot a tensor follows', (t) => {
  const fields = loadBinding().updateFields()
  const numbers = packed(Object.fromEntries(fields.map((name, i) => [name, i + 1])) as unknown as UpdateOptions, 3)
  t.deepEqual([...numbers], [...fields.map((_, i) => i + 1), 0, 0, 0])
  const update = new Update(3)
  update.dots.set([7, 8, 9])
  t.deepEqual([...update.numbers.subarray(fields.length)], [7, 8, 9])
})
