// npm run pack:native: the addon for this platform into prebuilds/, and dist/, so that `npm pack` makes the tarball to
// ship; for Linux with glibc 2.17 as its floor, see napi-gyp.mjs. prebuildify names and places the file; it builds in a
// folder of its own, because it takes the file away from there and build/Release serves development. PREBUILD_PLATFORM
// and PREBUILD_ARCH choose another platform.
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureDependencies } from './ensure.mjs'
import { buildTypeScript } from './products.mjs'
import { main, root, Stop } from './run.mjs'

await main(async () => {
  await ensureDependencies()
  await prebuild()
  buildTypeScript()
  for (const file of binaries()) console.log(`${file}: ${describe(readFileSync(join(root, file)))}`)
})

async function prebuild() {
  const prebuildify = createRequire(import.meta.url)('prebuildify')
  const cwd = mkdtempSync(join(tmpdir(), 'saltflat-prebuild-'))
  copyFileSync(join(root, 'package.json'), join(cwd, 'package.json')) // The name of the file comes from it.
  process.env.PREBUILD_PATH = process.env.PATH // prebuildify puts Node's folder first, which can hide a newer python3.
  const nodeGyp = `"${process.execPath}" "${join(root, 'scripts', 'napi-gyp.mjs')}"`
  try {
    await new Promise((resolve, reject) => {
      const options = { napi: true, tagLibc: process.platform === 'linux', targets: [], shell: true, nodeGyp, cwd }
      prebuildify({ ...options, out: root }, (error) => (error ? reject(new Stop(error.message)) : resolve()))
    })
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

function binaries() {
  return readdirSync(join(root, 'prebuilds'), { recursive: true })
    .filter((file) => file.endsWith('.node'))
    .map((file) => join('prebuilds', file))
}

/** Size, and the newest version of glibc that the binary asks for: the oldest Linux it runs on. */
function describe(binary) {
  const versions = [...binary.toString('latin1').matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [
    +major,
    +minor,
  ])
  const [newest] = versions.sort((a, b) => b[0] - a[0] || b[1] - a[1])
  const size = `${Math.round(binary.length / 1000)} kB`
  return newest ? `${size}, needs glibc ${newest.join('.')} or newer` : size
}
