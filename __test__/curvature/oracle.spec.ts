import test from 'ava'
import { Data } from '../grads/second-order/case.ts'
import { onEachBackend } from '../helpers/backends.ts'
import { nets } from './nets.ts'
import { known } from './oracle-constants.ts'

test('each net has its constants', (t) => {
  t.deepEqual(
    known.map(({ name }) => name),
    Object.keys(nets),
  )
})

const relative = (found: ArrayLike<number>, expected: readonly number[]) =>
  Math.hypot(...expected.map((value, i) => value - found[i]!)) / Math.hypot(...expected)

for (const [i, { name, shapes, loss, float32Error, hv }] of known.entries()) {
  onEachBackend(test, `Hv by double backprop of torch in float64: ${name}`, async (t) => {
    const net = nets[name]!(i + 1, shapes)
    t.true(Math.abs(net.loss() - loss) < 2e-6 * loss, `${net.loss()} ${loss}`)
    const { operator } = net
    const data = new Data(1001 + i)
    const v = Float32Array.from(operator.blocks!.flatMap(({ size }) => data.values(size)))
    const error = relative(await operator.matvec(v), hv)
    t.true(error <= 10 * float32Error, `${error}, where torch's float32 has ${float32Error}`)
    net.dispose()
  })
}
