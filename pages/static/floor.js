// The floor: browsers that know import maps and CSS layers. That is Chrome, Edge and Android
// WebView 99 (March 2022), Safari and iOS 16.4 (March 2023), Firefox 108 (December 2022).
// Both are asked of the browser itself, not of its name. Below the floor: a plain page that says
// what to do. This file is ES5, so that an old browser can read it.
(function () {
  var script = window.HTMLScriptElement;
  var modern = script && script.supports && script.supports("importmap") && window.CSSLayerBlockRule;
  if (modern || location.pathname === "/old.html") return;
  location.replace("/old.html");
})();
