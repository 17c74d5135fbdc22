// Loaded before everything else in a process of tests. AVA asks Node for source maps, and Node 20 then reads and parses the
// 17 megabytes of tfjs's at each start: a tenth of the time that a start takes, and half of the heap after it. Packages are
// left without theirs; ours are in the modules that the loader makes.
import Module from 'node:module'

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
