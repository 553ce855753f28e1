/** The product's mark; says nothing to screen readers, since the name stands beside it. */
export function Logo({ size }: { readonly size: string }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="#006dfa" />
      <g fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round">
        <path d="M7 11h8l4 10h6" />
        <path d="M7 21h8l1.5-3.7M18 13.5 19 11h6" opacity=".65" />
      </g>
    </svg>
  );
}
