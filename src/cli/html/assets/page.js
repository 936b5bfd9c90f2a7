// Runs in the page: details beside the point that the mouse or the keyboard is on, and the theme button.
(() => {
  const OVERLAP_PX = 8;
  const tip = document.getElementById('tip');

  function show(point, text = point.getAttribute('aria-label')) {
    tip.textContent = text;
    tip.hidden = false;
    const box = point.getBoundingClientRect();
    const { width, height } = tip.getBoundingClientRect();
    const middle = box.left + box.width / 2 - width / 2;
    tip.style.left = `${Math.max(8, Math.min(middle, innerWidth - width - 8))}px`;
    const above = box.top - height - 8;
    tip.style.top = `${above >= 8 ? above : box.bottom + 8}px`;
  }

  // Of points that lie on each other the mouse reaches only the uppermost: their details are shown together.
  function showAll(point, points) {
    const centre = ({ left, right, top, bottom }) => [(left + right) / 2, (top + bottom) / 2];
    const [x, y] = centre(point.lastElementChild.getBoundingClientRect());
    const here = points.filter((other) => {
      const [otherX, otherY] = centre(other.lastElementChild.getBoundingClientRect());
      return other !== point && Math.hypot(otherX - x, otherY - y) < OVERLAP_PX;
    });
    show(point, [point, ...here].map((one) => one.getAttribute('aria-label')).join('\n\n'));
  }

  function hide() {
    tip.hidden = true;
  }

  // One stop of the Tab key per figure: hundreds of points would shut the keyboard in.
  for (const figure of document.querySelectorAll('figure svg[role=group]')) {
    const points = [...figure.querySelectorAll('.point')];
    points.forEach((point, i) => {
      point.setAttribute('tabindex', i === 0 ? '0' : '-1');
      point.addEventListener('pointerenter', () => showAll(point, points));
      point.addEventListener('pointerleave', hide);
      point.addEventListener('focus', () => show(point));
      point.addEventListener('blur', hide);
    });
    figure.addEventListener('keydown', (event) => {
      const from = points.indexOf(document.activeElement);
      const to = { ArrowRight: from + 1, ArrowDown: from + 1, ArrowLeft: from - 1, ArrowUp: from - 1 }[
        event.key
      ];
      const target = event.key === 'Home' ? 0 : event.key === 'End' ? points.length - 1 : to;
      if (from < 0 || target === undefined) return;
      event.preventDefault();
      const next = points[Math.max(0, Math.min(target, points.length - 1))];
      points[from].setAttribute('tabindex', '-1');
      next.setAttribute('tabindex', '0');
      next.focus();
    });
  }
  addEventListener('keydown', (event) => event.key === 'Escape' && hide());

  // Safari scrolls with the keyboard only what can have the focus.
  for (const box of document.querySelectorAll('.scroll')) {
    if (box.scrollWidth > box.clientWidth && box.querySelector('.point') === null) box.tabIndex = 0;
  }

  // Focusing a point may have scrolled to it: its details move along.
  function follow() {
    const focused = document.activeElement;
    if (focused?.matches('.point:focus-visible')) show(focused);
    else hide();
  }
  addEventListener('scroll', follow, { passive: true, capture: true });

  const button = document.getElementById('theme');
  const themes = ['system', 'light', 'dark'];
  button.hidden = false;
  button.addEventListener('click', () => {
    const { dataset } = document.documentElement;
    const next = themes[(themes.indexOf(dataset.theme ?? 'system') + 1) % themes.length];
    dataset.theme = next;
    button.textContent = `Theme: ${next}`;
  });
})();
