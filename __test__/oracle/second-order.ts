// Writes second-order.json: Hv of every case of __test__/grads/second-order, in float64, by differences of the loss alone.
// tfjs's cpu backend computes in JavaScript numbers and rounds only where it stores: with wider arrays under the same
// name it is a float64 tfjs. Differences of its first derivatives agree, or the line says why they do not.
//
//   node --import=@oxc-node/core/register __test__/oracle/second-order.ts
import { writeFileSync } from 'node:fs'
import type { Case } from '../grads/second-order/case.ts'

globalThis.Float32Array = Float64Array as never
const tf = await import('@tensorflow/tfjs')
const { cases } = await import('../grads/second-order/cases.ts')
const { Data, direction } = await import('../grads/second-order/case.ts')
await tf.setBackend('cpu')

/** tfjs knows float32 arrays by their engine's type, which these are not: plain ones then. */
const tensor = (values: ArrayLike<number>, shape: number[]) => tf.tensor(Array.from(values), shape, 'float32')

/** ∂²f/∂v∂e from four values, each step so long. */
const length = 1e-4

function product({ build }: Case, index: number) {
  const { loss, variables } = build(tf, new Data(index + 1))
  const v = direction(tf, variables, 1000 + index).map((one) => one.dataSync())
  const start = variables.map((one) => one.dataSync().slice())
  const norm = Math.hypot(...v.flatMap((one) => [...one]))
  const set = (along: number) => {
    for (const [t, one] of variables.entries()) {
      const values = start[t]!.map((w, i) => w + (along / norm) * v[t]![i]!)
      tf.tidy(() => one.assign(tensor(values, one.shape)))
    }
  }
  const value = () => tf.tidy(() => loss().dataSync()[0]!)
  /** f(W + along·v/‖v‖ ± e) of every element e. */
  const differences = (along: number) => {
    set(along)
    return variables.map((one) => {
      const values = one.dataSync()
      return values.map((w, i) => {
        const at = (step: number) => {
          const moved = values.slice()
          moved[i] = w + step
          tf.tidy(() => one.assign(tensor(moved, one.shape)))
          return value()
        }
        const difference = at(length) - at(-length)
        tf.tidy(() => one.assign(tensor(values, one.shape)))
        return difference
      })
    })
  }
  const [up, down] = [differences(length), differences(-length)]
  const hv = up.map((row, t) => [...row].map((x, i) => ((x - down[t]![i]!) * norm) / (4 * length * length)))
  return { hv, agreement: agreement(hv, () => byGradients(loss, variables, set, norm)) }
}

function byGradients(loss: () => unknown, variables: never[] | unknown[], set: (along: number) => void, norm: number) {
  const gradient = (along: number) => {
    set(along)
    return tf.tidy(() => {
      const { grads } = tf.variableGrads(loss as never, variables as never)
      return (variables as { name: string }[]).map(({ name }) => grads[name]!.dataSync().slice())
    })
  }
  const [up, down] = [gradient(length / 10), gradient(-length / 10)]
  return up.map((row, t) => [...row].map((x, i) => ((x - down[t]![i]!) * norm) / (length / 5)))
}

/** How far the two ways are apart, or why there is only one. */
function agreement(hv: number[][], other: () => number[][]): number | string {
  try {
    const second = other()
    const apart = hv.flatMap((row, t) => row.map((x, i) => x - second[t]![i]!))
    return Number((Math.hypot(...apart) / Math.hypot(...hv.flat())).toExponential(1))
  } catch (error) {
    return (error as Error).message.split('\n', 1)[0]!
  }
}

const lines = cases.map((one, index) => {
  const begun = Date.now()
  const { hv, agreement } = tf.tidy(() => product(one, index))
  console.log(one.name, agreement, `${Date.now() - begun} ms`)
  const rounded = hv.map((row) => row.map((x) => Number(x.toPrecision(7))))
  return JSON.stringify({ name: one.name, agreement, hv: rounded })
})
const head = `"versions": ${JSON.stringify({ tfjs: tf.version_core, node: process.versions.node })}, "precision": "float64, 7 digits"`
writeFileSync(
  new URL('second-order.json', import.meta.url),
  `{\n ${head},\n "cases": [\n  ${lines.join(',\n  ')}\n ]\n}\n`,
)
process.exit()
