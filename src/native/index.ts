export type * from './binding.d.ts'
export { fromNative, typed } from './errors.ts'
export { glibc, system } from './explain.ts'
export { type Binding, loadBinding, locate, packageRoot } from './load.ts'
