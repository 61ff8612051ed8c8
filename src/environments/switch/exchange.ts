import { Worker } from 'node:worker_threads'
import { Fault, type FaultCode } from '../../kit/index.ts'

/** What the thread is given. */
export interface ExchangeTask {
  readonly one: string
  readonly other: string
}

/** What it sends back. */
export type ExchangeResult =
  | { readonly done: true }
  | { readonly code: FaultCode; readonly message: string; readonly hint: string | undefined; readonly at: string | undefined }

/**
 * Two directories of one file system change names in one step, each with what is mounted on it: whoever looks sees one
 * or the other. Needs the right to mount.
 */
export async function exchangeMountPoints(one: string, other: string): Promise<void> {
  const task: ExchangeTask = { one, other }
  const worker = new Worker(new URL('./exchange-thread.ts', import.meta.url), {
    workerData: task,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  })
  const result = await new Promise<ExchangeResult>((resolve, reject) => {
    worker.on('message', resolve)
    const failed = (cause: unknown) =>
      reject(new Fault('bug', `the thread that exchanges directories has failed: ${String(cause)}`, { cause }))
    worker.on('error', failed)
    worker.on('exit', () => failed('it has ended by itself'))
  })
  await worker.terminate()
  if ('done' in result) return
  throw new Fault(result.code, result.message, { hint: result.hint, at: result.at })
}
