// Which build of the WebAssembly, whether it is there yet, and its stack.

/**
 * Where the WebAssembly's stack is free, between two calls always at the same place; none before it is loaded.
 * @type {WebAssembly.Global | undefined}
 */
let stackPointer;
/** @type {number} */
let freeStack;

/**
 * Called once the bindings have their WebAssembly.
 * @param {{ __stack_pointer: WebAssembly.Global }} exports
 */
export function setReady(exports) {
  stackPointer = exports.__stack_pointer;
  freeStack = stackPointer.value;
}

/** Gives back what a call had on the stack that WebAssembly gave up: some hundred such would fill it, and then none would end well. */
export function clearStack() {
  if (stackPointer) stackPointer.value = freeStack;
}

/**
 * Throws unless `setReady` was called.
 * @param {string} caller
 */
export function checkReady(caller) {
  if (!stackPointer) throw new Error(`${caller}: the WebAssembly is not loaded yet: \`await init()\` first`);
}

/** Whether this engine has WebAssembly's 128-bit SIMD: it then accepts a function that counts the bits of a vector's bytes. */
export function hasSimd() {
  // prettier-ignore
  return WebAssembly.validate(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, // "\0asm", version 1
    1, 5, 1, 96, 0, 1, 123, // one type: () -> v128
    3, 2, 1, 0, // one function of that type
    10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11, // i32.const 0, i8x16.splat, i8x16.popcnt
  ]));
}
