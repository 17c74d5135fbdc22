// Compiles the CUDA kernels to PTX, which is committed, and assembles it for every generation of GPU that it must serve.
//
//   node scripts/ptx.mjs            writes the PTX, and the tables of registers and of instructions, anew
//   node scripts/ptx.mjs --check    says what differs from the committed ones, and exits 1 where something does
//
// nvcc comes from PyPI, into the cache. `.version` is lowered to what drivers from R450 on read; that nothing newer is used
// is what assembling it shows. Instructions are those of Hopper.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main, root, Stop } from './run.mjs'
import { counts } from './sass.mjs'
import { pythonTools } from './tools.mjs'

const kernels = join(root, 'crate', 'core', 'src', 'backend', 'cuda', 'kernels')
const committed = join(kernels, 'ptx')
const generations = [75, 80, 86, 89, 90, 100, 120]

main(() => {
  const modules = readdirSync(kernels).filter((name) => name.endsWith('.cu'))
  const bin = compiler()
  const folder = mkdtempSync(join(tmpdir(), 'saltflat-ptx-'))
  try {
    const files = new Map()
    const rows = []
    const found = []
    for (const module of modules) {
      const name = module.replace('.cu', '.ptx')
      const text = compiled(bin, join(kernels, module), join(folder, name))
      files.set(name, text)
      writeFileSync(join(folder, name), text)
      for (const generation of generations) rows.push(...assembled(bin, join(folder, name), generation))
      found.push(...counts(disassembled(bin, join(folder, name))))
    }
    files.set('registers.json', `${JSON.stringify(table(rows), null, 2)}\n`)
    files.set('instructions.json', `${JSON.stringify(ordered(found), null, 2)}\n`)
    compare(files)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The folder of nvcc and ptxas. */
function compiler() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Stop('nvcc: its packages are for Linux on x86-64')
  const toolkit = join(pythonTools('nvcc'), 'nvidia', 'cu13')
  for (const folder of [join(toolkit, 'bin'), join(toolkit, 'nvvm', 'bin')])
    for (const name of existsSync(folder) ? readdirSync(folder) : []) chmodSync(join(folder, name), 0o755)
  return join(toolkit, 'bin')
}

function compiled(bin, source, target) {
  // No fused operations but those that are written: the bits must be those of the CPU.
  const flags = ['-ptx', '-arch=compute_75', '-O3', '-std=c++17', '--fmad=false', '-o', target, source]
  tool(join(bin, 'nvcc'), flags)
  const lines = readFileSync(target, 'utf8').split('\n')
  // A hint to the assembler that older versions of the language do not know.
  const known = lines.filter((line) => !line.includes('.pragma "used_bytes_mask'))
  return known.map((line) => line.replace(/^\.version .*/, '.version 7.0')).join('\n')
}

/** Registers and bytes spilled of each kernel, on one generation. */
function assembled(bin, file, generation) {
  const said = tool(join(bin, 'ptxas'), ['-v', `-arch=sm_${generation}`, '-o', '/dev/null', file])
  const found = said.matchAll(
    /entry function '(\w+)'[\s\S]*?(\d+) bytes spill stores, (\d+) bytes spill loads[\s\S]*?Used (\d+) reg/g,
  )
  return [...found].map(([, kernel, stores, loads, registers]) => {
    return {
      kernel,
      generation: `sm_${generation}`,
      registers: Number(registers),
      spilled: Number(stores) + Number(loads),
    }
  })
}

/** The machine code of a module on Hopper, as text. */
function disassembled(bin, file) {
  tool(join(bin, 'ptxas'), ['-arch=sm_90', '-o', `${file}.cubin`, file])
  const nvdisasm = join(pythonTools('nvdisasm'), 'nvidia', 'cu13', 'bin', 'nvdisasm')
  chmodSync(nvdisasm, 0o755)
  return tool(nvdisasm, ['-c', `${file}.cubin`])
}

function ordered(found) {
  const sorted = found.toSorted((a, b) => (a.kernel < b.kernel ? -1 : 1))
  return Object.fromEntries(sorted.map(({ kernel, ...rest }) => [kernel, rest]))
}

function tool(command, flags) {
  const done = spawnSync(command, flags, { encoding: 'utf8', maxBuffer: 1e9 })
  if (done.error || done.status !== 0) throw new Stop(`${command}: ${done.error?.message ?? done.stderr}`)
  return done.stdout + done.stderr
}

function table(rows) {
  const spilled = rows.filter((row) => row.spilled > 0)
  if (spilled.length > 0) throw new Stop(`ptx: spills, ${JSON.stringify(spilled)}`)
  const names = [...new Set(rows.map(({ kernel }) => kernel))].sort()
  const of = (name) => rows.filter(({ kernel }) => kernel === name)
  const registers = (name) => Object.fromEntries(of(name).map((row) => [row.generation, row.registers]))
  return Object.fromEntries(names.map((name) => [name, registers(name)]))
}

function compare(files) {
  const stale = [...files].filter(([name, text]) => {
    const path = join(committed, name)
    return !existsSync(path) || readFileSync(path, 'utf8') !== text
  })
  if (process.argv.includes('--check')) {
    if (stale.length > 0)
      throw new Stop(`ptx: ${stale.map(([name]) => name).join(', ')} differ; run node scripts/ptx.mjs`)
    console.log(`ptx: as committed, without spills on ${generations.map((one) => `sm_${one}`).join(', ')}`)
    return
  }
  for (const [name, text] of stale) writeFileSync(join(committed, name), text)
  console.log(stale.length === 0 ? 'ptx: nothing has changed' : `ptx: wrote ${stale.map(([name]) => name).join(', ')}`)
}
