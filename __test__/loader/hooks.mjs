// How a process of tests finds and reads modules: our TypeScript through oxc, everything else as Node does it, but for the
// bundles of tfjs, whose names it would look for at each start (`names.mjs`). `@oxc-node/core/register` would do, but
// looks at the modules of packages too: with both, a start takes a fifth less time.
import { fileURLToPath } from 'node:url'
import { createResolve, load as transformed } from '@oxc-node/core'
import { asModule } from './names.mjs'

export function resolve(specifier, context, next) {
  const isPlain = isPackage(context.parentURL ?? '') || specifier.startsWith('node:') || specifier.startsWith('@')
  return isPlain ? next(specifier, context) : createResolve({}, specifier, context, next)
}

export function load(url, context, next) {
  if (/\/@tensorflow\/[^/]+\/dist\/[^/]+\.node\.js$/.test(url))
    return { format: 'module', source: asModule(fileURLToPath(url)), shortCircuit: true }
  return url.endsWith('.ts') ? transformed(url, { ...context, format: 'module' }, next) : next(url, context)
}

const isPackage = (url) => url.includes('/node_modules/')
