// node scripts/test-avx512.mjs: does the AVX-512 path give the bits of the scalar one? Few machines have AVX-512, so
// where it is missing crate/core/examples/widths.rs runs as the only process of a Linux that Bochs boots on an emulated
// Skylake-X: 1 minute of one core. Exit code 0 when all bits agree, and also when that cannot be found out on this
// machine: the last line then begins with SKIPPED. Needs `apt-get install bochs`; fetches Debian's kernel by itself.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cache } from './cache.mjs'
import { main, output, root, run, Stop, toolEnv } from './run.mjs'

const model = 'corei7_skylake_x'
const kernelPackage = 'linux-image-cloud-amd64' // Debian's smallest: the serial console built in, quick to unpack.
const seconds = 600
// Bochs 2.7 misreports the compacted form of the register state, and Linux then turns AVX off: so it must not see XSAVEC
// (321) and XSAVES (323). The rest saves time: no devices to look for, no self-tests of ciphers, no certificates.
const commandLine = [
  'console=ttyS0 quiet noxsaves clearcpuid=321,323 nosmp nolapic acpi=off pci=off nokaslr mitigations=off',
  'cryptomgr.notests initcall_blacklist=load_system_certificate_list',
].join(' ')
const megabytes = 256
const base = 16 << 20 // Where the disk is read to.
const cylinder = 16 * 32 * 512
const roundUp = (value, unit) => Math.ceil(value / unit) * unit
const hex = (word) => Buffer.from(Uint32Array.of(word).buffer).toString('hex') // Little-endian.

await main(() => {
  const skip = (reason) => console.log(`SKIPPED: ${reason}`)
  if (`${process.platform}-${process.arch}` !== 'linux-x64') return skip('this test is for Linux on x64')
  const program = build()
  if (/\bavx512f\b/.test(fs.readFileSync('/proc/cpuinfo', 'utf8'))) return run(program, [])
  if (!output('sh', ['-c', 'bochs --help cpu 2>&1'])?.includes(model)) return skip(`there is no bochs with ${model}`)
  const folder = fs.mkdtempSync(join(tmpdir(), 'saltflat-avx512-'))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  const kernel = fetchKernel(folder)
  if (!kernel) return skip(`apt-get brings no ${kernelPackage}; apt-get update may help`)
  writeMachine(folder, fs.readFileSync(kernel), fs.readFileSync(program))
  return emulate(folder)
})

/** The test as one static file, so that the emulated machine needs nothing else. */
function build() {
  const target = 'x86_64-unknown-linux-gnu' // Named, so that the flags do not reach build scripts and macros.
  const folder = join(root, 'target', 'emulated')
  const what = ['--package=saltflat-core', '--example=widths', '--release', '--locked', '--quiet']
  const env = toolEnv({ RUSTFLAGS: '-C target-feature=+crt-static' })
  run('cargo', ['build', ...what, `--target=${target}`, `--target-dir=${folder}`], { env })
  return join(folder, target, 'release', 'examples', 'widths')
}

/** The path of a kernel outside the repository, or undefined where apt has none. */
function fetchKernel(cwd) {
  const file = join(cache, `${kernelPackage}.vmlinuz`)
  if (fs.existsSync(file)) return file
  const name = output('apt-cache', ['depends', kernelPackage])?.match(/Depends: (\S+)/)?.[1]
  if (!name || output('apt-get', ['download', name], { cwd }) === undefined) return undefined
  const archive = fs.readdirSync(cwd).find((entry) => entry.endsWith('.deb'))
  run('dpkg-deb', ['--extract', archive, '.'], { cwd })
  const image = fs.readdirSync(join(cwd, 'boot')).find((entry) => entry.startsWith('vmlinuz'))
  fs.mkdirSync(cache, { recursive: true })
  fs.copyFileSync(join(cwd, 'boot', image), `${file}.${process.pid}`)
  fs.renameSync(`${file}.${process.pid}`, file)
  return file
}

/** Boots, shows what the machine prints, and stops it at the outcome. */
async function emulate(folder) {
  const bochs = spawn('bochs', ['-q', '-f', 'bochsrc', '-rc', 'commands'], { cwd: folder, stdio: 'ignore' })
  process.once('exit', () => bochs.kill('SIGKILL'))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  const read = (name) => (fs.existsSync(join(folder, name)) ? fs.readFileSync(join(folder, name), 'latin1') : '')
  const begun = performance.now()
  try {
    for (let shown = 0; ; await sleep(250)) {
      const over = bochs.exitCode ?? bochs.signalCode // Asked before the reading, so that no last words are missed.
      const text = read('serial').replaceAll('\r', '')
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      process.stdout.write(whole.slice(shown))
      shown = whole.length
      const outcome = whole.match(/^WIDTHS (.*)$/m)?.[1]
      if (outcome) return /^ok .*\bavx512\b/.test(outcome) ? 0 : 1
      if (over !== null) throw new Stop(`Bochs ended early. ${read('log').match(/>>PANIC<<.*/)?.[0] ?? ''}`)
      if (text.includes('Kernel panic')) throw new Stop('The test, or the Linux around it, ended early.')
      if (performance.now() - begun > 1000 * seconds) throw new Stop(`There was no outcome in ${seconds} seconds.`)
    }
  } finally {
    bochs.kill('SIGKILL')
  }
}

/** Settings, a disk that holds the memory to start with, and an option ROM, which the BIOS runs: no boot loader. */
function writeMachine(folder, kernel, program) {
  const initramfs = Buffer.concat([entry('init', 0o100755, program), entry('TRAILER!!!', 0, Buffer.alloc(0))])
  const setup = 512 * (kernel[0x1f1] + 1) // Code for a start by a BIOS, left out.
  const start = roundUp(base + 0x2000 + initramfs.length, 2 << 20) // The kernel unpacks itself from here upwards.
  const disk = Buffer.alloc(roundUp(start - base + kernel.length - setup, cylinder))
  kernel.copy(disk, 0x1f1, 0x1f1, 0x202 + kernel[0x201]) // The "zero page" of the Linux boot protocol.
  const words = { 532: start, 536: base + 0x2000, 540: initramfs.length, 552: base + 0x1000 }
  for (const [at, value] of Object.entries(words)) disk.writeUInt32LE(value, Number(at))
  disk[0x210] = 0xff // A loader without a number of its own.
  disk[0x1e8] = 2 // Ranges of usable memory: first byte, length, kind.
  disk.write([0, 0, 0x9f000, 0, 1, 1 << 20, 0, (megabytes - 1) << 20, 0, 1].map(hex).join(''), 0x2d0, 'hex')
  disk.write(commandLine, 0x1000, 'latin1')
  initramfs.copy(disk, 0x2000)
  kernel.copy(disk, start - base, setup)
  const rom = Buffer.alloc(512)
  rom.write(bootCode(disk.length / 512), 'hex')
  rom[511] = -rom.reduce((sum, byte) => sum + byte) // The BIOS wants the sum 0.
  const commands = 'c\n' // Debian's Bochs has a debugger in it, which waits for "continue".
  const files = { disk, rom, commands, bochsrc: settings(disk.length / cylinder) }
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(join(folder, name), content)
}

/** Reads the disk to `base`, 256 sectors a command, and jumps to the kernel as the 32-bit boot protocol wants it. */
function bootCode(sectors) {
  const parts = [
    '55aa01 fa b002 e692 2e660f01168300', // The signature of a ROM; no interrupts; address line 20; table of segments.
    '0f20c0 0c01 0f22c0 66ea1f000d001000 66b81800 8ed8 8ec0 8ed0', // Protected mode.
    `bf${hex(base)} bd${hex(sectors)} 31db fc`, // To edi; ebp sectors in all; ebx is the next.
    'baf2010000 31c0 ee 42 89d8 ee 42 c1e808 ee 42 c1e808 ee 42 b0e0 ee 42 b020 ee', // Asks the disk for 256,
    '66baf701 ec a808 74fb 66baf001 b900010000 66f36d 43 84db 75e6 39eb 72c4', // waits for each and takes it.
    `be${hex(base)} 31ed 31ff 31db ffa614020000`, // The zero page to esi; it names the kernel's start.
    `1f00 89000d00 ${'00'.repeat(16)} ffff0000009bcf00 ffff00000093cf00`, // Segments: 16 code, 24 data.
  ]
  return parts.join('').replaceAll(' ', '')
}

/** The picture goes to a VNC port that nobody needs to watch; real sound crashes where there is no sound card. */
function settings(cylinders) {
  return `cpu: model=${model}, ips=10000000
memory: guest=${megabytes}, host=${megabytes}
optromimage1: file=rom, address=0xd0000
ata0-master: type=disk, path=disk, mode=flat, cylinders=${cylinders}, heads=16, spt=32
com1: enabled=1, mode=file, dev=serial
config_interface: textconfig
display_library: rfb, options="timeout=0"
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: log
panic: action=fatal
`
}

/** A file in a cpio archive. */
function entry(name, mode, content) {
  const fields = [1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0]
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`
  return Buffer.concat([Buffer.from(head), content].flatMap((part) => [part, Buffer.alloc(-part.length & 3)]))
}
