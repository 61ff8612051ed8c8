/**
 * The packages whose code lies in dist/, with their licences. Each is plain JavaScript, and small or a small part of a large package; those of
 * OpenTelemetry are in a file of their own, which is loaded where a collector of traces is configured.
 */
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const bundled = [
  '@opentelemetry/api',
  '@opentelemetry/core',
  '@opentelemetry/otlp-transformer',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace',
  '@opentelemetry/semantic-conventions',
  'commander',
  'eslint-visitor-keys',
  'toml-eslint-parser',
  'valibot',
]

/** Those of the dashboard, in dist/web/. */
export const bundledInWeb = ['@preact/signals', '@preact/signals-core', 'preact']

/** The package that a file under node_modules belongs to. */
export function packageAt(file: string): string | undefined {
  return /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file)?.[1]
}

/** What their licences ask for: their text goes with the code. */
export function licences(root: string): string {
  return [...bundled, ...bundledInWeb].map((name) => licenceOf(path.join(root, 'node_modules', name))).join('\n')
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Record<string, string>
  const [file] = globSync('LICENSE*', { cwd: folder })
  if (file === undefined) throw new Error(`${name} has no licence to pass on`)
  return `${name} ${version} (${license})\n\n${readFileSync(path.join(folder, file), 'utf8')}`
}
