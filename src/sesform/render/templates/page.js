"use strict";
(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const [words, scope, count] = ["words", "scope", "count"].map((id) => document.getElementById(id));
  const lower = (element) => element.textContent.toLowerCase();
  const sections = [...document.querySelectorAll("[data-section]")].map((section) => ({
    section,
    count: section.querySelector("[data-count]"),
    rows: [...section.querySelectorAll("[data-row]")].map((row) => ({
      row,
      scope: row.dataset.scope,
      names: [...row.querySelectorAll("[data-name]")],
      shown: row.querySelector("[data-shown]"),
      more: row.querySelector("[data-more]"),
      texts: null,
    })),
  }));
  const show = (element, yes) => {
    if (element.hidden === yes) element.hidden = !yes;
  };
  const number = (n) => n.toLocaleString("en-US");

  // The texts of a row: that of each name, and what is said of all of them.
  const texts = (of) => {
    of.texts ??= {
      about: [...of.row.querySelectorAll("[data-about]")].map(lower).join(" "),
      names: of.names.map(lower),
    };
    return of.texts;
  };

  const filterRow = (of, wanted) => {
    if (!of.scope.startsWith(scope.value)) {
      show(of.row, false);
      return 0;
    }
    const { about, names } = texts(of);
    const missing = wanted.filter((word) => !about.includes(word));
    let shown = 0;
    let folded = 0;
    names.forEach((name, i) => {
      const found = missing.every((word) => name.includes(word));
      shown += found;
      if (names.length > 1) {
        show(of.names[i], found);
        if (of.more && of.more.contains(of.names[i])) folded += found;
      }
    });
    show(of.row, shown > 0);
    if (of.shown) of.shown.textContent = shown < names.length ? `${number(shown)} of ` : "";
    if (of.more) {
      show(of.more, folded > 0);
      of.more.querySelector("[data-rest]").textContent = number(folded);
      of.more.open = shown < names.length && folded <= 50;
    }
    return shown;
  };

  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let [shown, all] = [0, 0];
    for (const { section, count, rows } of sections) {
      let here = 0;
      for (const row of rows) {
        here += filterRow(row, wanted);
        all += row.names.length;
      }
      show(section, here > 0);
      count.textContent = number(here);
      shown += here;
    }
    count.textContent = `${number(shown)} of ${number(all)} ${count.dataset.unit}`;
  };

  form.hidden = false;
  words.addEventListener("input", filter);
  scope.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault(); // the fields would be empty only after this event
    words.value = scope.value = "";
    filter();
  });
  filter();
})();
