// Loaded before everything else in a process of tests. Each spec is one, so what a start costs is paid more than a hundred
// times. Modules go through `hooks.mjs`, which is quicker than oxc's own loader. And AVA asks for source maps, so that Node 20
// reads and parses the 17 megabytes of tfjs's: packages are left without theirs; ours are in the modules that the hooks make.
import Module, { register } from 'node:module'

const compile = Module.prototype._compile

Module.prototype._compile = function (content, filename, ...rest) {
  const isPackage = /[\\/]node_modules[\\/]/.test(filename)
  return compile.call(
    this,
    isPackage ? content.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n') : content,
    filename,
    ...rest,
  )
}

process.setSourceMapsEnabled(true)
register('./hooks.mjs', import.meta.url)
