import { Fault, type Report, run, silent } from '../kit/index.ts'
import { buildCommand, type Product } from './product.ts'

export interface BuildOptions {
  readonly env: NodeJS.ProcessEnv
  readonly report?: Report | undefined
  readonly signal?: AbortSignal | undefined
  readonly onOutput?: ((piece: Buffer) => void) | undefined
}

/** Runs the product's build for one variant in the product's folder. A failing build throws `invalid` with its last lines. */
export async function build(product: Product, variant: string, options: BuildOptions): Promise<void> {
  const command = buildCommand(product, variant)
  if (command === undefined) {
    throw new Fault('invalid', `${product.name} has no build command`, {
      hint: `add build = "…" to [release.${product.name}], or release what is built already with --no-build or --artifact FILE`,
    })
  }
  const { report = silent, onOutput } = options
  report({ kind: 'begin', task: `build ${product.name} ${variant}` })
  try {
    const result = await run(command, {
      cwd: product.root,
      env: options.env,
      signal: options.signal,
      ...(onOutput === undefined ? {} : { onOutput: (piece) => onOutput(piece) }),
    })
    if (result.status !== 0) {
      throw new Fault(
        'invalid',
        `the build failed with status ${result.status}; nothing was released\n${result.tail.map((line) => `  | ${line}`).join('\n')}`,
        {
          at: command,
          hint: 'mend the build and run the command again',
        },
      )
    }
  } finally {
    report({ kind: 'end', task: `build ${product.name} ${variant}` })
  }
}
