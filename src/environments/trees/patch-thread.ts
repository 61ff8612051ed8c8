import { parentPort } from 'node:worker_threads'
import { createPatcher } from './patch.ts'
import type { PatchMessage, PatchResult } from './patching.ts'

// The beginning of a thread that compares and writes ranges of files.
const patcher = createPatcher()
parentPort?.on('message', (message: PatchMessage) => parentPort!.postMessage(answer(message), []))

function answer({ id, task }: PatchMessage): PatchResult {
  try {
    return { id, written: patcher.patch(task) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
    return { id, trouble: error instanceof Error ? error.message : String(error), code }
  }
}
