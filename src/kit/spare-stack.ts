/**
 * To be awaited on the way into a directory. Where nothing is waited for, a walk of async functions goes down on one stack, which a tree
 * of many directories within each other would use up.
 */
export async function spareStack(depth: number): Promise<void> {
  if (depth % 64 === 63) await Promise.resolve()
}
