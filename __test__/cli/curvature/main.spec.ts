import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type CommandName, commandNames, parseArguments } from '../../../src/cli/curvature/args.ts'
import { hessian, topEigenvalues, trace } from '../../../src/index.ts'
import { encodeNpy } from '../../../src/io/npy.ts'
import { backends, tf } from '../../helpers/backends.ts'
import { saveModel } from '../../helpers/saved-model.ts'
import { start } from '../../helpers/training.ts'

const dir = mkdtempSync(join(tmpdir(), 'saltflat-'))
test.after.always(() => rmSync(dir, { recursive: true, force: true }))

const examples = 20
const pixels = Uint8Array.from({ length: examples * 16 }, (_, i) => (i * 37) % 256)
const classes = Array.from({ length: examples }, (_, i) => (i * i) % 3)
const at = (name: string) => join(dir, name)
const common = ['--model', at('model/model.json'), '--data', at('x.npy'), '--scale', '1/255']

test.before(async () => {
  await tf.setBackend('cpu')
  const model = network()
  await saveModel(model, at('model'))
  writeFileSync(at('x.npy'), encodeNpy({ shape: [examples, 4, 4], data: pixels }))
  writeFileSync(at('y.npy'), encodeNpy({ shape: [examples], dtype: 'int64', data: Float64Array.from(classes) }))
  writeFileSync(at('wrong.npy'), encodeNpy({ shape: [examples], data: Int32Array.from(classes, (one) => one + 2) }))
  writeFileSync(at('half.npy'), readFileSync(at('x.npy')).subarray(0, 200))
  model.dispose()
})

function network(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        ...{ filters: 2, kernelSize: 3, activation: 'tanh', inputShape: [4, 4, 1], name: 'first' },
        kernelInitializer: start(1),
      }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax', name: 'last', kernelInitializer: start(2) }),
    ],
  })
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a command to its end; `watch` sees what it says on the way. */
function run(args: string[], watch: (said: string, kill: () => void) => void = () => {}): Promise<Ended> {
  const loader = `--import=${import.meta.resolve('@oxc-node/core/register')}`
  const child = spawn(process.execPath, [loader, 'src/cli/curvature/main.ts', ...args])
  const found: Ended = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', (text) => {
    found.stdout += text
  })
  child.stderr.on('data', (text) => {
    found.stderr += text
    watch(found.stderr, () => child.kill('SIGINT'))
  })
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ ...found, code }))
  })
}

const given = { labels: ['--labels', at('y.npy')], loss: ['--loss', 'categoricalCrossentropy'] }

for (const backend of backends) {
  test.serial(`${backend}: trace and top give what the functions give on the same weights and data`, async (t) => {
    await tf.setBackend(backend)
    const model = network()
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
    const x = tf.tensor4d(
      Float32Array.from(pixels, (one) => one / 255),
      [examples, 4, 4, 1],
    )
    const y = tf.oneHot(tf.tensor1d(classes, 'int32'), 3).toFloat()
    const args = [
      ...common,
      ...given.labels,
      ...given.loss,
      '--backend',
      backend.replace('tensorflow', 'tfjs-node'),
      '--json',
    ]
    const traced = JSON.parse((await run(['trace', ...args, '--probes', '4', '--layers', '^first'])).stdout)
    const direct = await trace(hessian(model, x, y, { filter: /^first/ }), { probes: 4 })
    t.true(
      Math.abs(traced.result.mean - direct.mean) <= 1e-5 * Math.abs(direct.mean),
      `${traced.result.mean} ${direct.mean}`,
    )
    t.deepEqual(
      traced.result.perLayer.map(({ name }: { name: string }) => name),
      ['first/kernel', 'first/bias'],
    )
    // Each start of a program is a second; what differs between backends is loading.
    if (backend === 'cpu') {
      const top = JSON.parse((await run(['top', ...args, '--count', '2', '--seed', '3'])).stdout)
      const { values } = await topEigenvalues(hessian(model, x, y), { count: 2, seed: 3 })
      t.deepEqual(
        top.result.values.map((one: number) => one.toPrecision(5)),
        values.map((one) => one.toPrecision(5)),
      )
      t.like(top, { command: 'top', complete: true, examples, size: 47, seed: 3 })
    }
    model.dispose()
    tf.dispose([x, y])
  })
}

test.serial('the spectrum is a page, and classes by number serve the sparse loss too', async (t) => {
  const out = at('made/spectrum.html')
  const flags = [
    '--loss',
    'sparseCategoricalCrossentropy',
    '--probes',
    '2',
    '--steps',
    '10',
    '--backend',
    'cpu',
    '--out',
    out,
  ]
  const { code, stdout } = await run(['spectrum', ...common, ...given.labels, ...flags])
  t.is(code, 0)
  t.regex(stdout, /Eigenvalues lie between/)
  t.regex(readFileSync(out, 'utf8'), /<svg[\s\S]*npx saltflat spectrum --model/)
})

test.serial('Ctrl-C gives what there is by then, and exit code 130', async (t) => {
  const flags = ['--probes', '5000', '--backend', 'cpu', '--json']
  const { code, stdout, stderr } = await run(
    ['trace', ...common, ...given.labels, ...given.loss, ...flags],
    (said, kill) => {
      if (/^500 of/m.test(said) && !/Ending/.test(said)) kill()
    },
  )
  t.is(code, 130, stderr)
  const { complete, result } = JSON.parse(stdout)
  t.false(complete)
  t.true(result.probes >= 500 && result.probes < 5000 && result.standardError > 0)
})

test('wrong usage is a typed error that says what was meant', (t) => {
  const all = [...common, ...given.labels, ...given.loss]
  const wrong: [CommandName, string[], RegExp][] = [
    ['trace', [], /Expected --model, received none/],
    ['trace', [...common, ...given.loss], /Expected --labels/],
    ['top', [...common, ...given.labels, '--loss', 'meanSquareError'], /Did you mean 'meanSquaredError'\?/],
    ['top', [...all, '--probes', '1'], /received unknown flag '--probes'/],
    ['top', [...all, '--which', 'larges'], /Did you mean 'largest'\?/],
    ['top', [...all, '--count', '0'], /Expected --count with a whole number ≥ 1/],
    ['spectrum', [...all, '--layers', '('], /regular expression for --layers/],
    ['trace', [...all, '--scale', '1/0'], /a fraction, such as 1\/255/],
    ['trace', [...all, '--backend', 'wasn'], /Did you mean 'wasm'\?/],
    ['trace', [...common, '--labels', at('y.csv'), ...given.loss], /Expected a \.npy file for --labels/],
  ]
  for (const [command, args, message] of wrong) {
    t.throws(() => parseArguments(command, args), { code: 'ERR_INVALID_ARGUMENT', message }, args.join(' '))
  }
  for (const command of commandNames) t.true(parseArguments(command, ['--help']).help)
})

test.serial('exit codes: 2 for wrong usage, 1 for what fails; each says what to do', async (t) => {
  const cpu = [...given.loss, '--backend', 'cpu']
  const wrong: [string[], number, RegExp][] = [
    [['--labels', at('none.npy'), ...cpu], 2, /Expected a file at .*none\.npy, received ENOENT/],
    [['--labels', at('wrong.npy'), ...cpu], 2, /whole numbers of 0 to 2 .* received 3/],
    [['--data', at('x.npy'), ...given.labels, ...cpu], 2, /Expected one --data, received 2/],
    [['--labels', at('half.npy'), ...cpu], 1, /^ERR_STATE: .*half\.npy: Expected/m],
  ]
  for (const [args, code, message] of wrong) {
    const found = await run(['trace', ...common, ...args])
    t.is(found.code, code, found.stderr)
    t.regex(found.stderr, message)
    t.is(found.stdout, '')
  }
})
