import { spawnSync } from 'node:child_process'
import test from 'ava'
import { backends, tensorflowPackage } from './helpers/backends.ts'

const lacking = Number.parseInt(process.versions.node, 10) >= 23
const ifBuilt = backends.includes('tensorflow') ? test : test.skip

function node(...args: string[]): string[] {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  if (status !== 0) throw new Error(stderr)
  return stdout.trim().split('\n')
}

const use = `
console.log('loaded')
try {
  console.log(tf.add(tf.scalar(1), tf.scalar(2)).dataSync()[0])
} catch (error) {
  console.log(error.message)
}`
const commonJs = `const tf = require('${tensorflowPackage}')${use}`

ifBuilt('stock tfjs-node loads on every Node; from 23 on its first operation fails', (t) => {
  const [loaded, result] = node('--no-deprecation', '--eval', commonJs)
  t.is(loaded, 'loaded')
  if (lacking) t.regex(result!, /isNullOrUndefined\) is not a function/)
  else t.is(result, '3')
})

const withShim: Record<string, string[]> = {
  'imported first': [
    '--input-type=module',
    '--eval',
    `import 'saltflat/tfjs-node-shim'\nimport * as tf from '${tensorflowPackage}'${use}`,
  ],
  'by --import': ['--import=saltflat/tfjs-node-shim', '--eval', commonJs],
  'by --require': ['--require=saltflat/tfjs-node-shim', '--eval', commonJs],
  'by require': ['--eval', `require('saltflat/tfjs-node-shim')\n${commonJs}`],
}
for (const [how, args] of Object.entries(withShim))
  ifBuilt(`with the shim ${how}, it works`, (t) => {
    t.deepEqual(node('--no-deprecation', ...args), ['loaded', '3'])
  })

test('it defines what is missing, and nothing else', (t) => {
  const program = `
    import util from 'node:util'
    const before = { ...util }
    const { needed } = await import('saltflat/tfjs-node-shim')
    const changed = Object.keys(util).filter((name) => util[name] !== before[name])
    const { isArray, isNullOrUndefined } = util
    const answers = [[], {}, null, undefined, 0].map((value) => [isArray(value), isNullOrUndefined(value)])
    const missing = ['isArray', 'isNullOrUndefined'].filter((name) => before[name] === undefined)
    console.log(JSON.stringify({ needed, changed: changed.sort(), missing, answers }))`
  const [line] = node('--no-deprecation', '--input-type=module', '--eval', program)
  const { needed, changed, missing, answers } = JSON.parse(line!)
  t.deepEqual([needed, changed], [lacking, missing])
  t.deepEqual(answers, [
    [true, false],
    [false, false],
    [false, true],
    [false, true],
    [false, false],
  ])
})
