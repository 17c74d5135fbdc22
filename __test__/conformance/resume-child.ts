// A process of its own, for resume.spec.ts: loads a saved model, trains to the end, prints what came of it.
import { readFileSync } from 'node:fs'
import { backends, tf } from '../helpers/backends.ts'
import { fingerprint, ways } from '../helpers/resume.ts'

const [backend = '', how = '', file = ''] = process.argv.slice(2)
if (!backends.includes(backend)) throw new Error(`Expected one of ${backends}, received ${backend}`)
await tf.setBackend(backend)
const { cut, end, train } = ways[how]!
const model = await tf.loadLayersModel(backend === 'tensorflow' ? `file://${file}/model.json` : unpacked())
await train(model, cut, end)
console.log(await fingerprint(model))

function unpacked(): tf.io.IOHandler {
  const { weightData, ...rest } = JSON.parse(readFileSync(file, 'utf8'))
  return tf.io.fromMemory({ ...rest, weightData: new Uint8Array(Buffer.from(weightData, 'base64')).buffer })
}
