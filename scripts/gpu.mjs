// npm run test:gpu [-- --quick | --build] and npm run bench:gpu [-- --save | --build]: builds a program that needs nothing
// but NVIDIA's driver, and runs it. With --build it says where the program lies, to be carried to another machine, and runs
// nothing. --quick: small vectors. --save: bench/results/gpu.json. Other flags are the program's own.
import { join } from 'node:path'
import { main, output, root, run } from './run.mjs'

const programs = { test: [], bench: ['--features', 'stopwatch'] }

main(() => {
  const [which, ...words] = process.argv.slice(2)
  const name = `gpu-${which}`
  const env = { ...process.env, SALTFLAT_COMMIT: output('git', ['rev-parse', '--short=10', 'HEAD']) ?? 'unknown' }
  env.SALTFLAT_CHANGED = String(output('git', ['status', '--porcelain', '--', 'crate']) !== '')
  const flags = ['--release', '--locked', '--package', 'saltflat-core', '--example', name, ...programs[which]]
  run('cargo', ['build', ...flags], { env, quiet: words.includes('--build') })
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')
  const program = join(target, 'release', 'examples', process.platform === 'win32' ? `${name}.exe` : name)
  if (words.includes('--build')) {
    console.log(program)
    return
  }
  const rest = words.filter((word) => word !== '--save')
  if (which === 'bench') rest.push('--torch', join(root, 'bench', 'torch', 'gpu.py'))
  if (words.includes('--save')) rest.push('--json', join(root, 'bench', 'results', 'gpu.json'))
  run(program, rest)
})
