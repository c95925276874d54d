/** What the work gives, or 'timeout' when the signal comes first. The work goes on, and nobody looks at it any more. */
export function beforeEnd<T>(work: Promise<T>, signal: AbortSignal): Promise<T | 'timeout'> {
  return new Promise((resolve, reject) => {
    const end = () => resolve('timeout')
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}
