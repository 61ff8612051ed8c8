import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'

// The beginning of a worker thread. What its parent has compiled already need not be compiled again.
if (typeof workerData === 'string') enableCompileCache(workerData)
await import('./serve.ts')
