// The real tfjs-node binding. Its own install script downloads TensorFlow from a storage host, and scripts are off here;
// so the same C library comes out of the PyPI wheel, and the binding is compiled against it. Both are kept outside the
// repository, so that a second call only links and copies.
//
// tfjs-node-gpu has the same sources under another name, and its binding asks TensorFlow for GPUs when it runs: against the
// CPU library it is tested without one. No dependency, since every fresh clone would fetch it; it is put beside tfjs-node.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { cache, whole } from './cache.mjs'
import { output, root, run, Stop, toolEnv } from './run.mjs'

const tensorflow = '2.21.0' // Carries libtensorflow_cc.so.2 with the C API that tfjs-node 4.22 calls.
const napi = 'napi-v8' // The highest Node-API that tfjs-node declares: one build serves Node 20, 22 and 24.
const wheelPlatforms = { 'linux-x64': 'manylinux_2_27_x86_64', 'linux-arm64': 'manylinux_2_27_aarch64' }

const host = `${process.platform}-${process.arch}`
const packageDir = (name) => join(root, 'node_modules', '@tensorflow', name)
const binding = (name) => join(packageDir(name), 'lib', napi, 'tfjs_binding.node')
const library = join(cache, `tensorflow-cpu-${tensorflow}-${host}`)

/** Is the binding of a package, `tfjs-node` or `tfjs-node-gpu`, in place, with the libraries it loads? */
export function isInstalled(name = 'tfjs-node') {
  return existsSync(binding(name)) && existsSync(join(packageDir(name), 'deps', 'lib', 'libtensorflow.so'))
}

/** Puts a binding that was built before back into a new node_modules; false when there is none. */
export function installFromCache(name = 'tfjs-node') {
  if (!existsSync(packageDir(name)) || !existsSync(builtBinding(name))) return false
  link(name)
  place(builtBinding(name), binding(name))
  return true
}

/** Downloads, compiles and verifies whatever is missing. */
export function install(name = 'tfjs-node') {
  if (!existsSync(packageDir('tfjs-node')))
    throw new Stop('Expected @tensorflow/tfjs-node in node_modules, found none.')
  if (version(name) !== version('tfjs-node')) fetchPackage(name)
  if (!existsSync(library)) unpackWheel()
  if (!installFromCache(name)) {
    link(name)
    compile(name)
    place(binding(name), builtBinding(name))
  }
  console.log(`${name}: ${verify(name)}`)
}

/** Takes a package that is no dependency from the registry, at tfjs-node's version; what it depends on is there for that one. */
function fetchPackage(name) {
  const wanted = version('tfjs-node')
  const kept = join(cache, `${name}-${wanted}`)
  if (!existsSync(kept))
    whole(kept, (folder) => {
      run('npm', ['pack', `@tensorflow/${name}@${wanted}`, `--pack-destination=${folder}`], { quiet: true })
      const archive = join(folder, readdirSync(folder)[0])
      run('tar', ['-xzf', archive, '-C', folder, '--strip-components=1'])
      rmSync(archive)
    })
  rmSync(packageDir(name), { recursive: true, force: true })
  cpSync(kept, packageDir(name), { recursive: true })
}

/** The version of a package in node_modules; undefined where it is not there. */
function version(name) {
  const file = join(packageDir(name), 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined
}

/** Downloads the wheel and keeps the two libraries and the headers: 0.9 GB of 1.2. */
function unpackWheel() {
  const platform = wheelPlatforms[host]
  if (!platform) {
    const advice = 'Run `npm rebuild --ignore-scripts=false @tensorflow/tfjs-node` to fetch its own build, or use wasm.'
    throw new Stop(`There is no TensorFlow wheel with the C library for ${host}. ${advice}`)
  }
  whole(library, (folder) => {
    console.log(`tfjs-node: downloading tensorflow-cpu ${tensorflow} (about 270 MB)`)
    const choice = ['--no-deps', '--only-binary=:all:', '--python-version=3.12', `--platform=${platform}`]
    const what = ['--quiet', `--dest=${folder}`, `tensorflow-cpu==${tensorflow}`]
    run('python3', ['-m', 'pip', 'download', '--no-cache-dir', ...choice, ...what])
    console.log('tfjs-node: unpacking the C library')
    run('python3', ['-c', unpack, folder])
  })
}

const unpack = `
import glob, os, sys, zipfile
folder = sys.argv[1]
wheel = glob.glob(os.path.join(folder, '*.whl'))[0]
with zipfile.ZipFile(wheel) as z:
    libraries = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2']
    headers = tuple('tensorflow/include/' + n for n in ('tensorflow/c/', 'tensorflow/core/', 'tsl/', 'xla/tsl/'))
    z.extractall(folder, libraries + [n for n in z.namelist() if n.startswith(headers)])
os.remove(wheel)
os.rename(os.path.join(folder, 'tensorflow/include'), os.path.join(folder, 'include'))
lib = os.path.join(folder, 'lib')
os.rename(os.path.join(folder, 'tensorflow'), lib)
for name in ('libtensorflow_cc', 'libtensorflow_framework'):
    os.chmod(os.path.join(lib, name + '.so.2'), 0o755)
os.symlink('libtensorflow_cc.so.2', os.path.join(lib, 'libtensorflow.so'))
os.symlink('libtensorflow_framework.so.2', os.path.join(lib, 'libtensorflow_framework.so'))
`

function link(name) {
  const deps = join(packageDir(name), 'deps')
  rmSync(deps, { recursive: true, force: true })
  mkdirSync(deps)
  for (const part of ['include', 'lib']) symlinkSync(join(library, part), join(deps, part), 'dir')
}

function compile(name) {
  console.log(`${name}: compiling the binding`)
  run('node-pre-gyp', ['install', '--build-from-source', '--loglevel=error', '--jobs=max'], {
    cwd: packageDir(name),
    env: toolEnv({ ...headers(), ...nodeGyp() }),
    quiet: true,
  })
  rmSync(join(packageDir(name), 'build'), { recursive: true, force: true })
}

/** Node's headers lie beside many installations of it; named here, node-gyp need not download them. */
function headers() {
  const prefix = dirname(dirname(process.execPath))
  const found = existsSync(join(prefix, 'include', 'node', 'node_api.h')) && !process.env.npm_config_nodedir
  return found ? { npm_config_nodedir: prefix } : {}
}

/** npm brings node-gyp along; node-pre-gyp finds it by itself only under `npm run` or beside the running Node. */
function nodeGyp() {
  const npm = process.env.npm_execpath && dirname(dirname(process.env.npm_execpath))
  const modules = npm ? join(npm, 'node_modules') : output('npm', ['root', '--global'])?.concat('/npm/node_modules')
  const file = join(modules ?? '', 'node-gyp', 'bin', 'node-gyp.js')
  return process.env.npm_config_node_gyp || !existsSync(file) ? {} : { npm_config_node_gyp: file }
}

function builtBinding(name) {
  return join(cache, `${name}-${version(name)}-tensorflow-${tensorflow}-${host}-${napi}`, basename(binding(name)))
}

function place(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, `${to}.${process.pid}`)
  renameSync(`${to}.${process.pid}`, to)
}

/** Multiplies two matrices in a new process, so that a binding that does not load cannot take this one along. */
function verify(name) {
  const args = ['--input-type=commonjs', '--eval', check(name)]
  // Those Nodes that need the shim take TypeScript as it is.
  if (Number.parseInt(process.versions.node, 10) > 22) args.unshift('--import=./src/tfjs-node-shim.ts')
  const options = { env: toolEnv({ TF_CPP_MIN_LOG_LEVEL: '2' }) }
  const said = output(process.execPath, args, options)
  if (said) return said
  run(process.execPath, args, { ...options, quiet: true })
  throw new Stop(`The binding does not work. Delete ${cache} and run this again.`)
}

const check = (name) => `
const tf = require('@tensorflow/${name}')
const [value] = tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync()
if (value !== 11) throw new Error('Expected 1·3 + 2·4 = 11, received ' + value)
console.log('version ' + tf.version['tfjs-node'] + ', backend ' + tf.getBackend() + ', multiplies right')
`
