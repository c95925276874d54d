/** @file From the lines of a bundle back to source files: esbuild heads the code of each with a comment that names it. */

/** @returns the path of the source file that each line is from; `name` before the first comment */
export function bundleLines(script: string, name: string): string[] {
  let file = name
  return script.split('\n').map((line) => {
    file = /^\/\/ (\S+\.(?:[cm]?[jt]sx?|css|json))$/.exec(line)?.[1] ?? file
    return file
  })
}
