import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 let the heap grow to four times of what is alive in it before all of it is collected. The bytes of files lie
 * outside of the heap, but V8 counts those that come and go along, and would walk through a heap that
 * has hardly changed ten times a second while files are uploaded.
 */
export function collectLessOften(): void {
  setFlagsFromString('--heap-growing-percent=300')
}
