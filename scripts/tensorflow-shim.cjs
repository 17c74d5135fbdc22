// tfjs-node 4.22 calls two functions that Node 23 took out of `util`, in nearly every operation; the fix upstream was
// never released. Tests and examples load this first (`--require`); the command line tool does the same by itself.
const util = require('node:util')

util.isNullOrUndefined ??= (value) => value === null || value === undefined
util.isArray ??= Array.isArray
