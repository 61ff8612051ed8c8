/**
 * The sources as few files of JavaScript, since most of a short command is finding and loading modules. What is imported
 * lazily stays lazy, and every module is in exactly one file: a `Fault` is the same class from whichever entry it comes.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Plugin, rolldown } from 'rolldown'
import { bundleWeb } from './bundle-web.ts'
import { bundled, bundledInWeb, licences, packageAt } from './bundled.ts'

const root = path.resolve(import.meta.dirname, '../..')
const main = path.join(root, 'src/cli/main.ts')

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly 'holdfast-source': string; readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** Into a folder `dist`: each entry of package.json under its name there, the command line, and what they share. */
export async function bundle(): Promise<void> {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Manifest
  const input = entriesOf(manifest)
  const starting = new Set([main])
  const build = await rolldown({
    input,
    cwd: root,
    platform: 'node',
    external: externalOf(manifest),
    plugins: [threads(starting)],
    // Nothing starts on import but what is started: the rule of the house lets go of modules that nothing is taken from.
    treeshake: { moduleSideEffects: (id) => starting.has(id) },
  })
  // Neither minified nor with source maps: a trace names our functions, and the comment above each module its source.
  const { output } = await build.write({
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
  })
  expectBundled(
    output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : [])),
    bundled,
  )
  expectBundled(await bundleWeb(path.join(root, 'dist/web')), bundledInWeb)
  writeFileSync(path.join(root, 'dist/LICENSES.txt'), licences(root))
}

function entriesOf({ exports }: Manifest): Record<string, string> {
  const entries: Record<string, string> = { 'cli/main': main }
  for (const target of Object.values(exports)) {
    if (typeof target === 'string') continue
    entries[target.default.replace(/^\.\/dist\/|\.js$/g, '')] = path.join(root, target['holdfast-source'])
  }
  return entries
}

function externalOf({ dependencies, peerDependencies }: Manifest): RegExp[] {
  const names = [...Object.keys(dependencies), ...Object.keys(peerDependencies)].filter((name) => !bundled.includes(name))
  return [/^node:/, ...names.map((name) => new RegExp(`^${name}(/|$)`))]
}

/** `new Worker(new URL('./thread.ts', import.meta.url))`: the thread becomes an entry too, and the URL that of its file. */
function threads(starting: Set<string>): Plugin {
  return {
    name: 'threads',
    transform: {
      filter: { code: 'new Worker(' },
      handler(code, module) {
        const found = code.replaceAll(/new URL\('(\.\/[^']+)', import\.meta\.url\)/g, (_form, file: string) => {
          const id = path.resolve(path.dirname(module), file)
          starting.add(id)
          const name = path.relative(path.join(root, 'src'), id).replace(/\.ts$/, '')
          return `new URL(import.meta.ROLLUP_FILE_URL_${this.emitFile({ type: 'chunk', id, name })})`
        })
        if (found === code) this.error(`${module}: a thread starts with new Worker(new URL('./FILE.ts', import.meta.url), …)`)
        return { code: found }
      },
    },
  }
}

function expectBundled(modules: readonly string[], expected: readonly string[]): void {
  const found = [...new Set(modules.map(packageAt).filter((name) => name !== undefined))].toSorted().join(', ')
  const listed = expected.join(', ')
  if (found !== listed) throw new Error(`dist/ has the code of ${found}; test/check/bundled.ts lists ${listed}`)
}
