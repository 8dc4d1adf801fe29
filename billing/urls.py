"""Where billing is mounted, below /v1/."""

from django.urls import path

from billing import views

urlpatterns = [
    path("billing/customer", views.CustomerView.as_view()),
    path("billing/payments", views.PaymentsView.as_view()),
    path(
        "billing/payments/<uuid:payment_id>",
        views.PaymentView.as_view(),
        name="billing-payment",
    ),
    path("billing/subscriptions", views.SubscriptionsView.as_view()),
    path(
        "billing/subscriptions/<uuid:subscription_id>",
        views.SubscriptionView.as_view(),
        name="billing-subscription",
    ),
]
