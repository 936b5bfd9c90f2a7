// The error for a command line that cannot be carried out as it stands: exit code 2, one line, no stack.

export class UsageError extends Error {
  override name = 'UsageError';
}
