import { SaltflatError } from '../errors.ts'
import { type Diagnosis, diagnose } from './diagnosis.ts'
import { readFlags } from './flags.ts'

// `saltflat doctor [--json]`: what works here and what is missing. Exit code 0 whenever the report is printed.

const usage = `Says what of saltflat works on this machine, and what is missing.

saltflat doctor [--json]
  --json   the same as one JSON object: version, binary, cpu, gpu, tfjs, backends, selfTest
  --help   this text`

function describe(found: Diagnosis): string {
  const { binary, cpu, nativeBytes, gpu, tfjs, backends, selfTest } = found
  const failed = selfTest.checks.filter((check) => !check.ok)
  const rows: [string, string][] = [
    ['native addon', binary.loaded ? String(binary.path) : 'not loaded, see below'],
    ['cpu', cpu ? `${cpu.simd} (of ${cpu.detected.join(', ')}), ${cpu.threads} threads` : 'unknown without the addon'],
    ['memory', nativeBytes === null ? 'unknown without the addon' : `${nativeBytes} bytes of native memory held`],
    ['gpu', gpu.available ? `${gpu.name}, CUDA ${gpu.driver}, ${gpu.bytes} bytes held` : `no: ${gpu.reason}`],
    ["device 'auto'", decided(gpu.rule)],
    ['tfjs', `tfjs-core ${tfjs.core ?? 'is missing'}, tfjs-layers ${tfjs.layers ?? 'is missing'}`],
    ...backends.map(({ name, package: served, available, version, reason, note, gradients }): [string, string] => [
      `backend ${name}`,
      [
        available ? `${served} ${version}` : `no: ${reason?.split('\n', 1)[0]}`,
        ...(gradients ? [`gradients ${gradients}`] : []),
        ...(note ? [note] : []),
      ].join('; '),
    ]),
    ['self-test', outcome(selfTest.checks.length, failed)],
  ]
  const width = Math.max(...rows.map(([label]) => label.length))
  const table = rows.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`)
  const details = binary.reason ? ['', binary.reason] : []
  return [`saltflat ${found.version} on ${binary.platform}`, '', ...table, ...details].join('\n')
}

/** The measured rule in words. */
function decided(rule: Diagnosis['gpu']['rule']): string {
  if (rule === null) return 'the cpu'
  const choice =
    rule.from === undefined ? 'the cpu' : `cuda from ${rule.from.toLocaleString('en')} weights on, else the cpu`
  return `${choice}: the passes of a step over P weights take ${line(rule.cpu)} on the cpu, ${line(rule.cuda)} on cuda`
}

const line = ({ fixed, each }: { fixed: number; each: number }) =>
  `${(fixed * 1e6).toFixed(1)} µs + P·${(each * 1e9).toFixed(2)} ns`

function outcome(count: number, failed: Diagnosis['selfTest']['checks']): string {
  if (count === 0) return 'not run'
  if (failed.length === 0) return `all ${count} checks hold`
  return `${failed.length} of ${count} checks fail: ${failed.map((check) => check.name).join('; ')}`
}

async function main(): Promise<string> {
  const { json, help } = readFlags(process.argv.slice(2), {
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  if (help) return usage
  const found = await diagnose()
  return json ? JSON.stringify(found, null, 2) : describe(found)
}

try {
  const text = await main()
  process.stdout.write(`${text}\n`, () => process.exit(0)) // A backend's threads would keep the process alive.
} catch (error) {
  console.error(error instanceof SaltflatError ? `${error.code}: ${error.message}` : error)
  process.exitCode = 2
}
