// State of ours on objects of others.

/**
 * Returns its argument as `this`, so that a subclass can put a private field on any object without anybody seeing it.
 * Such a field is found through the same inline caches as an ordinary property: 2 ns, where a WeakMap takes 60.
 */
export class Adopt {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: adopting another object is what this class is for
    return object;
  }
}
