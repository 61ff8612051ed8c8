import { enableCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

// The beginning of a worker thread. What its parent has compiled already need not be compiled again.
if (typeof workerData === 'string') enableCompileCache(workerData)
const { serve } = await import('./serve.ts')
if (parentPort !== null) serve(parentPort)
