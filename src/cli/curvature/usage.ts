import { backendNames, type CommandName, kinds, methods } from './args.ts'

const subjects: Readonly<Record<CommandName, string>> = {
  spectrum: 'The spectrum of the Hessian of a saved model: the density of its eigenvalues.',
  trace: 'The trace of the Hessian of a saved model, in whole and by layer, with its standard error.',
  top: 'The top eigenvalues of the Hessian of a saved model, with their residuals.',
}

const own: Readonly<Record<CommandName, string>> = {
  spectrum: `  --probes N         starts, default 4
  --steps N          products a start, default 80
  --out FILE         by its extension: .html, .svg, .png, .json, .csv, .npy; default spectrum.html`,
  trace: `  --probes N         probes, one product each; default 32
  --out FILE         by its extension: .html, .svg, .png, .json, .csv, .npy`,
  top: `  --count N          eigenvalues wanted, default 5
  --which KIND       ${kinds.join(', ')}; default largest
  --steps N          products at most; default 200, or 20 for each eigenvalue
  --out FILE         by its extension: .html, .svg, .png, .json, .csv, .npy`,
}

/** The help text of a command. */
export function usageOf(command: CommandName): string {
  return `${subjects[command]}

saltflat ${command} --model model.json --data x.npy --labels y.npy --loss NAME [OPTIONS]
  --model FILE       model.json as tfjs saves it, its weights beside it
  --data FILE        inputs, a numpy array; once for each input of the model
  --labels FILE      targets, or whole numbers of classes; once for each output
  --loss NAME        as in model.compile: categoricalCrossentropy, meanSquaredError, …
${own[command]}
  --method NAME      ${methods.join(' or ')}: products by second derivatives, or by differences of gradients; default exact
  --step NUMBER      with difference: how far the weights are moved, as a norm; about 0.1 for nets with relu
  --layers REGEX     only variables whose name matches, such as 'conv.*kernel'
  --examples N       only the first N examples
  --scale NUMBER     inputs times this, such as 1/255; default 1: they are taken as they are
  --batch-size N     examples at a time, default 256
  --seed N           seed of probes and starts, default 0
  --checkpoint FILE  keep the run in FILE: the same command, started again after a kill, goes on from there
  --backend NAME     ${backendNames.join(', ')}; without it, the first that is there
  --json             the result as JSON on stdout in place of the table, and under "run" how it came about
  --help             this text

Exit codes: 0 done · 1 failed · 2 wrong usage · 130 ended by Ctrl-C, with what there was by then`
}
