import { tracingSettings } from './settings.ts'
import type { Tracing, TracingOptions } from './tracing.ts'

/** Undefined where no collector is configured: then nothing more is loaded. Throws nothing: what is not right is told. */
export async function openTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const settings = tracingSettings(options.env)
  if (settings === undefined) return undefined
  const warn = (text: string) => options.report({ kind: 'note', level: 'warning', text })
  for (const text of settings.notes) warn(text)
  const { startTracing } = await import('./provider.ts')
  try {
    return startTracing(settings, options)
  } catch (error) {
    warn(`no traces are sent: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}
